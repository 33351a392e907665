using System.Net;
using System.Net.Sockets;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace Flows.Tests.LocalHosting;

[Collection(nameof(RunningAppHost))]
public sealed class WhatIsMissing : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("flows-tests-");

    [Fact]
    public async Task Absent_servers_are_named_together_with_the_ways_to_get_them()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Flows_AppHost>(
            [.. RunningAppHost.Ephemeral, "--Flows:LocalHosting:SearchPath=/nonexistent"]);
        await using var app = await builder.BuildAsync();

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => app.StartAsync());

        Assert.Contains("'postgres' needs PostgreSQL", error.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install postgresql", error.Message, StringComparison.Ordinal);
        Assert.Contains("'redis' needs Redis or Valkey", error.Message, StringComparison.Ordinal);
        Assert.Contains("ConnectionStrings__redis=", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_started_apphost_says_so_and_ends_with_code_1()
    {
        await using var host = AppHostProcess.Start("--Flows:Ephemeral=true", "--Flows:LocalHosting:SearchPath=/nonexistent");

        Assert.Equal(1, await host.EndAsync());
        Assert.Contains("error: 'postgres' needs PostgreSQL", host.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", host.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_port_is_named_with_the_resource_that_wants_it()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        await using var builder = DistributedApplicationTestingBuilder.Create("--DcpPublisher:RandomizePorts=false", $"--Flows:DataDirectory={folder.FullName}");
        var api = builder.AddProject<Projects.Flows_Api>("api");
        api.GetEndpoint("http").EndpointAnnotation.Port = port;
        await using var app = await builder.BuildAsync();

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => app.StartAsync());

        Assert.StartsWith($"Port {port}, on which 'api' listens, is already in use", error.Message, StringComparison.Ordinal);
        Assert.Contains("launchSettings.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_parameter_without_a_value_is_named_with_its_variable()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create(RunningAppHost.Ephemeral);
        builder.AddParameter("licence-key", secret: true);
        await using var app = await builder.BuildAsync();

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => app.StartAsync());

        Assert.Equal("The parameter 'licence-key' has no value. Give it as the environment variable Parameters__licence_key or as --Parameters:licence-key=….", error.Message);
    }

    [Fact]
    public async Task Resources_that_wait_for_each_other_are_named()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create(RunningAppHost.Ephemeral);
        var api = builder.AddProject<Projects.Flows_Api>("api");
        api.WaitFor(builder.AddProject<Projects.Flows_Worker>("worker").WaitFor(api));
        await using var app = await builder.BuildAsync();

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => app.StartAsync());

        Assert.Equal("Resources wait for each other: api → worker → api.", error.Message);
    }

    [Fact]
    public async Task Publishing_is_refused_because_it_needs_the_other_stack()
    {
        await using var builder = DistributedApplicationTestingBuilder.Create("--operation=publish", $"--Flows:DataDirectory={folder.FullName}");
        Assert.True(builder.ExecutionContext.IsPublishMode);
        await using var app = await builder.BuildAsync();

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => app.StartAsync());

        Assert.Contains("-p:FlowsStack=Aspire", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Delete(recursive: true);
}
