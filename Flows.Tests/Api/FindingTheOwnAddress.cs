using Flows.Api;
using Microsoft.AspNetCore.Builder;

namespace Flows.Tests.Api;

/// <summary>In WORKER_AND_APP the worker calls the API of its own process.</summary>
public sealed class FindingTheOwnAddress
{
    [Theory]
    [InlineData("--urls=http://localhost:5080", "http://localhost:5080")]
    [InlineData("--urls=https://*:7443;http://+:5080", "http://127.0.0.1:5080")]
    [InlineData("--urls=http://0.0.0.0:8080", "http://127.0.0.1:8080")]
    [InlineData("--urls=http://[::]:8080", "http://127.0.0.1:8080")]
    [InlineData("--urls=http://10.1.2.3:8080", "http://10.1.2.3:8080")]
    [InlineData("--urls=https://localhost:7443", "https://localhost:7443")]
    [InlineData("--http_ports=8080", "http://127.0.0.1:8080")]
    [InlineData("--Kestrel:Endpoints:Main:Url=http://*:9090", "http://127.0.0.1:9090")]
    [InlineData("--Flows:Api:Url=http://elsewhere:1", "http://elsewhere:1")]
    public void It_follows_from_where_the_process_listens(string setting, string url) => Assert.Equal(url, Find(setting).Configuration["Flows:Api:Url"]);

    [Fact]
    public void An_open_port_is_chosen_before_anybody_asks_for_it()
    {
        var builder = Find("--urls=http://127.0.0.1:0");
        Assert.Matches("^http://127\\.0\\.0\\.1:[1-9][0-9]+$", builder.Configuration["Flows:Api:Url"]);
        Assert.Equal(builder.Configuration["urls"], builder.Configuration["Flows:Api:Url"]);
    }

    [Fact]
    public void Without_an_address_that_can_be_called_the_start_is_refused() =>
        Assert.Contains("Flows__Api__Url", Assert.Throws<StartRefusedException>(() => Find("--urls=net.pipe://flows")).Message, StringComparison.Ordinal);

    private static WebApplicationBuilder Find(string setting)
    {
        var builder = WebApplication.CreateBuilder([setting]);
        builder.SetOwnAddress();
        return builder;
    }
}
