using Aspire.Hosting.Testing;
using Flows.Tests.LocalHosting;

namespace Flows.Tests.Deployment;

/// <summary>What the running AppHost gives its processes is what the hand-written files give theirs.</summary>
[Collection(nameof(RunningAppHost))]
public sealed class AgreeingWithTheAppHost(RunningAppHost host)
{
    // Passed through from the command line of this AppHost, and what the files say that the AppHost leaves to its defaults.
    private static readonly string[] s_given = ["Flows__Worker__Concurrency", "Flows__Limits__PayloadMiB"];
    private static readonly string[] s_ownOfFiles = ["Flows__Queue__Provider", "Flows__PublicUrl", "Flows__Proxies", "Flows__Worker__Concurrency", "Flows__Worker__DrainTimeout", "Flows__Execution__Mode", "Flows__Execution__Network"];

    [Theory]
    [InlineData("api")]
    [InlineData("worker")]
    public void Each_process_is_given_the_same_connections_and_secrets(string process)
    {
        var model = Names(host.EnvironmentOf(process).Keys.Select(name => name == "services__api__http__0" ? "Flows__Api__Url" : name)).Except(s_given).Order(StringComparer.Ordinal);

        Assert.Equal(model, Names(DeployFiles.EnvironmentOf(DeployFiles.Compose(DeployFiles.SampleEnvironment()), process).Keys).Except(s_ownOfFiles).Order(StringComparer.Ordinal));
        Assert.Equal(model, Names(DeployFiles.EnvironmentOf(DeployFiles.Helm(DeployFiles.Required)[$"Deployment/flows-{process}"]).Keys).Except(s_ownOfFiles).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void As_many_workers_are_deployed_as_the_apphost_would_deploy()
    {
        var program = File.ReadAllText(Path.Combine(DeployFiles.Root, "Flows.AppHost/Program.cs"));
        Assert.Contains($"builder.ExecutionContext.IsPublishMode ? {DeployFiles.Compose(DeployFiles.SampleEnvironment()).At("services.worker.deploy.replicas")} : 2", program, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("api", "/health")]
    [InlineData("api", "/ready")]
    [InlineData("api", "/alive")]
    [InlineData("worker", "/health")]
    [InlineData("worker", "/ready")]
    [InlineData("worker", "/alive")]
    public async Task The_probes_are_answered(string process, string path)
    {
        using var http = host.App.CreateHttpClient(process, "http");
        Assert.True((await http.GetAsync(path)).IsSuccessStatusCode);
    }

    private static IEnumerable<string> Names(IEnumerable<string> environment) =>
        environment.Where(name => name.StartsWith("Flows__", StringComparison.Ordinal) || name.StartsWith("ConnectionStrings__", StringComparison.Ordinal));
}
