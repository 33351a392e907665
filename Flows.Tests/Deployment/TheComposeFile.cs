using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Flows.Api.Access;
using Flows.Api.Projects;
using Flows.Worker;
using Flows.Worker.Sandbox;
using Npgsql;

namespace Flows.Tests.Deployment;

public sealed class TheComposeFile
{
    private readonly Dictionary<string, object?> compose = DeployFiles.Compose(DeployFiles.SampleEnvironment());

    [Theory]
    [InlineData("api")]
    [InlineData("worker")]
    public void Names_no_setting_that_the_product_does_not_have(string service) =>
        ProductSettings.AssertKnown(DeployFiles.EnvironmentOf(compose, service).Keys);

    [Fact]
    public void Does_not_start_without_its_secrets_and_says_which_is_missing()
    {
        foreach (var name in new[] { "POSTGRES_PASSWORD", "REDIS_PASSWORD", "FLOWS_PUBLIC_URL", "FLOWS_ENCRYPTION_KEY", "FLOWS_WORKER_TOKEN", "FLOWS_BOOTSTRAP_API_KEY", "FLOWS_SETUP_TOKEN" })
        {
            var environment = DeployFiles.SampleEnvironment();
            Assert.True(environment.Remove(name), name);
            Assert.StartsWith($"{name}: ", Assert.Throws<FormatException>(() => DeployFiles.Compose(environment)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Has_sample_secrets_that_the_product_refuses()
    {
        var api = DeployFiles.EnvironmentOf(compose, "api");
        var refused = new SecurityCheck().Validate(null, new SecurityOptions
        {
            EncryptionKey = api["Flows__Security__EncryptionKey"],
            WorkerToken = api["Flows__Security__WorkerToken"],
        }).Failures!.ToList();

        Assert.Contains(refused, problem => problem.StartsWith("Flows__Security__EncryptionKey is a well-known sample", StringComparison.Ordinal));
        Assert.Contains(refused, problem => problem.StartsWith("Flows__Security__WorkerToken is a well-known sample", StringComparison.Ordinal));
        Assert.False(BootstrapOptions.IsFine(api["Flows__Bootstrap__ApiKey"]));
        Assert.False(BootstrapOptions.IsFineToken(api["Flows__Bootstrap__SetupToken"]));
    }

    [Fact]
    public void Starts_five_workers_and_two_apis_if_not_told_otherwise()
    {
        var bare = DeployFiles.Compose(DeployFiles.SampleEnvironment().Where(pair => !pair.Key.EndsWith("REPLICAS", StringComparison.Ordinal)).ToDictionary());

        Assert.Equal(5L, bare.At("services.worker.deploy.replicas"));
        Assert.Equal(2L, bare.At("services.api.deploy.replicas"));
        Assert.Equal(bare.At("services.worker.deploy.replicas"), compose.At("services.worker.deploy.replicas"));
    }

    [Fact]
    public void Gives_workers_no_database_no_key_and_no_network_with_it()
    {
        var worker = DeployFiles.EnvironmentOf(compose, "worker");
        Assert.DoesNotContain(worker.Keys, name => name.Contains("flowsdb", StringComparison.OrdinalIgnoreCase) || name.Contains("EncryptionKey", StringComparison.Ordinal) || name.Contains("Bootstrap", StringComparison.Ordinal));
        Assert.DoesNotContain(worker.Values, value => value.Contains("change-me-postgres-password", StringComparison.Ordinal));
        Assert.Equal(true, compose.At("networks.data.internal"));
    }

    [Theory]
    [InlineData("api")]
    [InlineData("worker")]
    public void Runs_without_a_writable_root_and_without_capabilities(string service)
    {
        var found = compose.At($"services.{service}");

        Assert.Equal(true, found.At("read_only"));
        Assert.Equal(["ALL"], found.ListAt("cap_drop"));
        Assert.Contains("no-new-privileges:true", found.ListAt("security_opt"));
        Assert.Contains("http://127.0.0.1:8080/ready", found.ListAt("healthcheck.test"));
        Assert.False(((Dictionary<string, object?>)found!).ContainsKey("ports"), "Only the gateway is reached from outside.");
    }

    [Fact]
    public void Lets_a_worker_finish_what_it_drains()
    {
        var drain = TimeSpan.Parse(DeployFiles.EnvironmentOf(compose, "worker")["Flows__Worker__DrainTimeout"], CultureInfo.InvariantCulture);
        Assert.Equal(new WorkerOptions().DrainTimeout, drain);
        Assert.True(TimeSpan.FromSeconds(int.Parse(compose.TextAt("services.worker.stop_grace_period")!.TrimEnd('s'), CultureInfo.InvariantCulture)) > drain + TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void Asks_for_no_more_connections_than_postgres_has()
    {
        var pool = new NpgsqlConnectionStringBuilder(DeployFiles.EnvironmentOf(compose, "api")["ConnectionStrings__flowsdb"]).MaxPoolSize;
        Assert.True(pool * (long)compose.At("services.api.deploy.replicas")! <= 97, "100 connections, three of them for superusers.");
        Assert.Contains(DeployFiles.EnvironmentOf(compose, "worker")["Flows__Execution__Mode"], ExecutionOptions.Modes);
    }

    [Fact]
    public void Builds_both_images_from_stages_that_exist_and_programs_that_are_built()
    {
        var dockerfile = DeployFiles.Text("Dockerfile");
        foreach (var (service, program) in new[] { ("api", "Flows.Api"), ("worker", "Flows.Worker") })
        {
            Assert.Equal("deploy/Dockerfile", compose.TextAt($"services.{service}.build.dockerfile"));
            Assert.Equal(service, compose.TextAt($"services.{service}.build.target"));
            var stage = Regex.Match(dockerfile, $@"^FROM (runtime|worker-base) AS {service}\n(.*?)(?=^FROM |\z)", RegexOptions.Multiline | RegexOptions.Singleline).Groups[2].Value;
            Assert.Contains($"ENTRYPOINT [\"dotnet\", \"{program}.dll\"]", stage, StringComparison.Ordinal);
            Assert.Contains($"COPY --from=build /out/{service} ./", stage, StringComparison.Ordinal);
            Assert.Matches(@"(?m)^USER [1-9]\d+$", stage);
            Assert.Contains($"dotnet publish {program}/{program}.csproj -c Release -o /out/{service}", dockerfile, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(DeployFiles.Root, program, $"{program}.csproj")));
        }
        var below = Regex.Match(dockerfile, @"^FROM runtime AS worker-base\n(.*?)(?=^FROM )", RegexOptions.Multiline | RegexOptions.Singleline).Groups[1].Value;
        Assert.Contains("bubblewrap util-linux", below, StringComparison.Ordinal);
        Assert.Contains("COPY --from=node /usr/local/bin/node /usr/local/bin/node", below, StringComparison.Ordinal);
        Assert.Contains("FROM worker-base AS worker", dockerfile, StringComparison.Ordinal);
        // The property of a native engine is the project's own; what it makes lies where workers look for an engine.
        Assert.Contains("-p:FlowsNativeEngine=true -p:FlowsReadyToRun=false -o /out/worker/engine", dockerfile, StringComparison.Ordinal);
        Assert.Contains("'$(FlowsNativeEngine)' == 'true'", File.ReadAllText(Path.Combine(DeployFiles.Root, "Flows.Engine", "Flows.Engine.csproj")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Flows.Api", "flows-api")]
    [InlineData("Flows.Worker", "flows-worker")]
    public void Images_that_dotnet_publish_builds_have_the_same_name_and_user(string program, string name)
    {
        var project = XDocument.Load(Path.Combine(DeployFiles.Root, program, $"{program}.csproj"));
        string Property(string property) => Assert.Single(project.Descendants(property)).Value;
        Assert.Equal(name, Property("ContainerRepository"));
        Assert.Contains($"USER {Property("ContainerUser")}", DeployFiles.Text("Dockerfile"), StringComparison.Ordinal);
    }

    [Fact]
    public void Has_a_gateway_that_balances_without_sessions_and_hides_what_is_internal()
    {
        var nginx = DeployFiles.Text("compose/nginx.conf");

        Assert.Matches(@"server api:8080 resolve\b", nginx);
        Assert.DoesNotContain("ip_hash", nginx, StringComparison.Ordinal);
        Assert.DoesNotContain("sticky", Regex.Replace(nginx, "(?m)#.*$", ""), StringComparison.Ordinal);
        Assert.Contains("location /internal/ { return 404; }", nginx, StringComparison.Ordinal);
        Assert.StartsWith("/internal/", Flows.Contracts.WorkerProtocol.WorkerRoutes.Claim, StringComparison.Ordinal);
        foreach (var header in new[] { "X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme_outside", "X-Forwarded-Host $http_host" })
            Assert.Contains($"proxy_set_header {header};", nginx, StringComparison.Ordinal);
        Assert.Null(Flows.Api.ProxyOptions.Problem(DeployFiles.EnvironmentOf(compose, "api")["Flows__Proxies"]));
        Assert.True(int.Parse(Regex.Match(nginx, @"client_max_body_size (\d+)m").Groups[1].Value, CultureInfo.InvariantCulture) > new Flows.Api.LimitsOptions().PayloadMiB);
    }
}
