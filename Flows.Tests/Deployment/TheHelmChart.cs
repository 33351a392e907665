using System.Globalization;
using Flows.Worker;

namespace Flows.Tests.Deployment;

public sealed class TheHelmChart
{
    private readonly Dictionary<string, Dictionary<string, object?>> chart = DeployFiles.Helm(DeployFiles.Required);

    [Theory]
    [InlineData("Deployment/flows-api")]
    [InlineData("Deployment/flows-worker")]
    public void Names_no_setting_that_the_product_does_not_have(string deployment) =>
        ProductSettings.AssertKnown(DeployFiles.EnvironmentOf(chart[deployment]).Keys);

    [Fact]
    public void Says_the_same_as_the_compose_file()
    {
        var compose = DeployFiles.Compose(DeployFiles.SampleEnvironment());
        foreach (var service in new[] { "api", "worker" })
        {
            var (there, here) = (DeployFiles.EnvironmentOf(compose, service), DeployFiles.EnvironmentOf(chart[$"Deployment/flows-{service}"]));
            // The network's mode is left to the product's default, which is the same.
            Assert.Equal(there.Keys.Except(["Flows__Execution__Network"]).Order(StringComparer.Ordinal), here.Keys.Order(StringComparer.Ordinal));
            foreach (var name in here.Where(pair => !pair.Value.StartsWith("secret:", StringComparison.Ordinal) && !pair.Key.EndsWith("Url", StringComparison.Ordinal)).Select(pair => pair.Key))
                Assert.Equal((name, there[name]), (name, here[name]));
        }
        Assert.Equal(compose.At("services.worker.deploy.replicas"), chart["HorizontalPodAutoscaler/flows-worker"].At("spec.minReplicas"));
    }

    [Fact]
    public void Takes_every_secret_from_a_key_that_its_secret_has()
    {
        var keys = chart["Secret/flows-secrets"].MapAt("stringData");
        foreach (var deployment in new[] { chart["Deployment/flows-api"], chart["Deployment/flows-worker"] })
        {
            var used = DeployFiles.EnvironmentOf(deployment).Values.Where(value => value.StartsWith("secret:", StringComparison.Ordinal)).ToList();
            Assert.NotEmpty(used);
            Assert.All(used, value => Assert.Contains(value["secret:".Length..], keys.Keys));
        }
        Assert.Equal("Host=db;Username=flows;Password=\"p;w\";Database=flowsdb", keys["flowsdb"]);
        Assert.Equal(["secret:redis", "secret:worker-token"], DeployFiles.EnvironmentOf(chart["Deployment/flows-worker"]).Values.Where(value => value.StartsWith("secret:", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Makes_no_secret_where_one_is_given()
    {
        var given = DeployFiles.Helm(("publicUrl", "https://flows.example.com"), ("secrets.existingSecret", "mine"));

        Assert.DoesNotContain(given.Keys, name => name.StartsWith("Secret/", StringComparison.Ordinal));
        Assert.All(given["Deployment/flows-api"].ListAt("spec.template.spec.containers.0.env").Where(variable => ((Dictionary<string, object?>)variable!).ContainsKey("valueFrom")),
            variable => Assert.Equal("mine", variable.TextAt("valueFrom.secretKeyRef.name")));
        Assert.False(given["Deployment/flows-api"].MapAt("spec.template.metadata").ContainsKey("annotations"));
    }

    [Theory]
    [InlineData("publicUrl", "publicUrl is not set")]
    [InlineData("secrets.encryptionKey", "secrets.encryptionKey is not set")]
    [InlineData("secrets.redis", "secrets.redis is not set")]
    public void Says_what_is_missing(string path, string message) =>
        Assert.StartsWith(message, Assert.Throws<FormatException>(() => DeployFiles.Helm([.. DeployFiles.Required, (path, "")])).Message, StringComparison.Ordinal);

    [Fact]
    public void Probes_what_the_product_answers_and_runs_as_nobody_in_particular()
    {
        foreach (var deployment in new[] { chart["Deployment/flows-api"], chart["Deployment/flows-worker"] })
        {
            var pod = deployment.At("spec.template.spec");
            Assert.Equal("/alive", pod.TextAt("containers.0.livenessProbe.httpGet.path"));
            Assert.Equal("/alive", pod.TextAt("containers.0.startupProbe.httpGet.path"));
            Assert.Equal("/ready", pod.TextAt("containers.0.readinessProbe.httpGet.path"));
            Assert.Equal(true, pod.At("securityContext.runAsNonRoot"));
            Assert.Equal(true, pod.At("containers.0.securityContext.readOnlyRootFilesystem"));
            Assert.Equal(false, pod.At("containers.0.securityContext.allowPrivilegeEscalation"));
            Assert.Equal(["ALL"], pod.ListAt("containers.0.securityContext.capabilities.drop"));
            Assert.Equal(false, pod.At("automountServiceAccountToken"));
            Assert.Contains("USER " + pod.TextAt("securityContext.runAsUser"), DeployFiles.Text("Dockerfile"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Opens_for_boxes_what_boxes_need_and_nothing_when_there_are_none()
    {
        var boxed = chart["Deployment/flows-worker"].At("spec.template.spec");
        Assert.Equal(("Unconfined", "Unmasked", false), (boxed.TextAt("containers.0.securityContext.seccompProfile.type"), boxed.TextAt("containers.0.securityContext.procMount"), (bool)boxed.At("hostUsers")!));

        var open = DeployFiles.Helm([.. DeployFiles.Required, ("worker.boxes.enabled", false), ("worker.executionMode", "UNSANDBOXED")])["Deployment/flows-worker"];
        Assert.Equal("RuntimeDefault", open.TextAt("spec.template.spec.containers.0.securityContext.seccompProfile.type"));
        Assert.False(open.MapAt("spec.template.spec").ContainsKey("hostUsers"));
        Assert.Equal("UNSANDBOXED", DeployFiles.EnvironmentOf(open)["Flows__Execution__Mode"]);
    }

    [Fact]
    public void Scales_workers_by_the_depth_that_the_api_tells()
    {
        var scaled = DeployFiles.Helm([.. DeployFiles.Required, ("worker.autoscaling.kind", "keda")]);
        var trigger = scaled["ScaledObject/flows-worker"].At("spec.triggers.0");

        Assert.Equal("metrics-api", trigger.TextAt("type"));
        Assert.Equal("http://flows-api.automation.svc:8080/api/v1/system/queue", trigger.TextAt("metadata.url"));
        // A field of the answer: see the test that asks a running Flows for it.
        Assert.Equal("depth", trigger.TextAt("metadata.valueLocation"));
        Assert.Contains(scaled["TriggerAuthentication/flows-queue"].TextAt("spec.secretTargetRef.0.key")!, scaled["Secret/flows-secrets"].MapAt("stringData").Keys);
        Assert.DoesNotContain("HorizontalPodAutoscaler/flows-worker", scaled.Keys);
        Assert.False(scaled["Deployment/flows-worker"].MapAt("spec").ContainsKey("replicas"), "Two owners of one number fight.");
        Assert.Equal((5L, 20L), (scaled["ScaledObject/flows-worker"].At("spec.minReplicaCount"), scaled["ScaledObject/flows-worker"].At("spec.maxReplicaCount")));
    }

    [Fact]
    public void Starts_five_workers_where_nothing_scales_them() =>
        Assert.Equal(5L, DeployFiles.Helm([.. DeployFiles.Required, ("worker.autoscaling.kind", "none")])["Deployment/flows-worker"].At("spec.replicas"));

    [Fact]
    public void Gives_a_worker_the_time_that_it_drains()
    {
        var worker = chart["Deployment/flows-worker"];
        Assert.Equal(new WorkerOptions().DrainTimeout, TimeSpan.Parse(DeployFiles.EnvironmentOf(worker)["Flows__Worker__DrainTimeout"], CultureInfo.InvariantCulture));
        Assert.Equal(45L, worker.At("spec.template.spec.terminationGracePeriodSeconds"));

        var refused = Assert.Throws<FormatException>(() => DeployFiles.Helm([.. DeployFiles.Required, ("worker.drainSeconds", 90L)])).Message;
        Assert.StartsWith("worker.terminationGracePeriodSeconds has to be at least 25 s longer", refused, StringComparison.Ordinal);
        var longer = DeployFiles.Helm([.. DeployFiles.Required, ("worker.drainSeconds", 90L), ("worker.terminationGracePeriodSeconds", 120L)])["Deployment/flows-worker"];
        Assert.Equal("00:01:30", DeployFiles.EnvironmentOf(longer)["Flows__Worker__DrainTimeout"]);
    }

    [Fact]
    public void Selects_its_own_pods_everywhere()
    {
        var all = DeployFiles.Helm([.. DeployFiles.Required, ("ingress.enabled", true), ("ingress.host", "flows.example.com"), ("ingress.tlsSecret", "cert"), ("networkPolicy.enabled", true)]);
        foreach (var part in new[] { "api", "worker" })
        {
            var labels = all[$"Deployment/flows-{part}"].MapAt("spec.template.metadata.labels");
            var selectors = new List<Dictionary<string, object?>> { all[$"Deployment/flows-{part}"].MapAt("spec.selector.matchLabels"), all[$"PodDisruptionBudget/flows-{part}"].MapAt("spec.selector.matchLabels") };
            selectors.Add(part == "api" ? all["Service/flows-api"].MapAt("spec.selector") : all["NetworkPolicy/flows-worker"].MapAt("spec.podSelector.matchLabels"));
            foreach (var selector in selectors)
                Assert.Equal(selector, labels.Where(label => selector.ContainsKey(label.Key)).ToDictionary());
        }
        Assert.Equal("flows-nowhere", all["Ingress/flows"].TextAt("spec.rules.0.http.paths.1.backend.service.name"));
        Assert.False(all["Service/flows-nowhere"].MapAt("spec").ContainsKey("selector"));
        Assert.False(all["Service/flows-api"].MapAt("spec").ContainsKey("sessionAffinity"));
    }

    [Fact]
    public void Hands_on_settings_of_ones_own()
    {
        var own = DeployFiles.Helm([.. DeployFiles.Required,
            ("settings", new Dictionary<string, object?> { ["Flows__Limits__PayloadMiB"] = 50L }),
            ("api.settings", new Dictionary<string, object?> { ["Flows__Timeouts__Webhook"] = "00:01:00" }),
            ("api.nodeSelector", new Dictionary<string, object?> { ["disk"] = "fast" })]);

        Assert.Equal("50", DeployFiles.EnvironmentOf(own["Deployment/flows-worker"])["Flows__Limits__PayloadMiB"]);
        Assert.Equal(("50", "00:01:00"), (DeployFiles.EnvironmentOf(own["Deployment/flows-api"])["Flows__Limits__PayloadMiB"], DeployFiles.EnvironmentOf(own["Deployment/flows-api"])["Flows__Timeouts__Webhook"]));
        Assert.False(DeployFiles.EnvironmentOf(own["Deployment/flows-worker"]).ContainsKey("Flows__Timeouts__Webhook"));
        Assert.Equal("fast", own["Deployment/flows-api"].TextAt("spec.template.spec.nodeSelector.disk"));
    }
}
