using System.Text.RegularExpressions;

namespace Flows.Tests.Deployment;

/// <summary>The files of <c>deploy/</c> as their tools would read them.</summary>
internal static partial class DeployFiles
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../.."));

    public static string Text(string path) => File.ReadAllText(Path.Combine(Root, "deploy", path));

    /// <summary>Values of <c>.env.example</c>.</summary>
    public static Dictionary<string, string> SampleEnvironment() => Text("compose/.env.example").Split('\n')
        .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    /// <summary><c>compose.yaml</c>, with <c>${NAME}</c>, <c>${NAME:-default}</c> and <c>${NAME:?message}</c> filled in.</summary>
    /// <exception cref="FormatException">A variable that is required is missing, with its message.</exception>
    public static Dictionary<string, object?> Compose(IReadOnlyDictionary<string, string> environment) =>
        Yaml.Read(VariableOf().Replace(Text("compose/compose.yaml").Replace("$$", "\u0001", StringComparison.Ordinal), found =>
        {
            var (name, otherwise) = (found.Groups["name"].Value, found.Groups["text"].Value);
            if (environment.TryGetValue(name, out var value) && value.Length > 0)
                return value;
            return found.Groups["kind"].Value switch
            {
                ":-" => otherwise,
                ":?" => throw new FormatException($"{name}: {otherwise}"),
                _ => "",
            };
        }).Replace('\u0001', '$')).Single();

    public static Dictionary<string, string> EnvironmentOf(Dictionary<string, object?> compose, string service) =>
        compose.MapAt($"services.{service}.environment").ToDictionary(pair => pair.Key, pair => Convert.ToString(pair.Value, System.Globalization.CultureInfo.InvariantCulture)!, StringComparer.Ordinal);

    /// <summary>The chart's objects by "Kind/name", rendered for a release named "flows" in the namespace "automation".</summary>
    /// <param name="set">Values by path, e.g. <c>worker.autoscaling.kind</c>; the path has to exist in values.yaml.</param>
    public static Dictionary<string, Dictionary<string, object?>> Helm(params (string Path, object? Value)[] set)
    {
        var values = Yaml.Read(Text("helm/flows/values.yaml")).Single();
        foreach (var (path, value) in set)
        {
            var (parent, name) = path.LastIndexOf('.') is var dot and > 0 ? (values.MapAt(path[..dot]), path[(dot + 1)..]) : (values, path);
            Assert.True(parent.ContainsKey(name), $"values.yaml has no {path}.");
            parent[name] = value;
        }
        var chart = Yaml.Read(Text("helm/flows/Chart.yaml")).Single();
        var root = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["Values"] = values,
            ["Chart"] = new Dictionary<string, object?>(StringComparer.Ordinal) { ["AppVersion"] = chart["appVersion"], ["Name"] = chart["name"] },
            ["Release"] = new Dictionary<string, object?>(StringComparer.Ordinal) { ["Name"] = "flows", ["Namespace"] = "automation", ["Service"] = "Helm" },
        };
        var template = new GoTemplate();
        template.Define(Text("helm/flows/templates/_helpers.tpl"));
        Assert.NotEmpty(template.Render(Text("helm/flows/templates/NOTES.txt"), root));
        return Directory.GetFiles(Path.Combine(Root, "deploy/helm/flows/templates"), "*.yaml").Order(StringComparer.Ordinal)
            .SelectMany(file => Yaml.Read(template.Render(File.ReadAllText(file), root)))
            .ToDictionary(document => $"{document.TextAt("kind")}/{document.TextAt("metadata.name")}", StringComparer.Ordinal);
    }

    /// <summary>What the chart cannot do without.</summary>
    public static (string, object?)[] Required { get; } =
    [
        ("publicUrl", "https://flows.example.com"), ("secrets.encryptionKey", "8d1f0c6b2a7e4935d1b0c7f6a2e98431"), ("secrets.workerToken", "f3a90b7c61d24e58a7c9e0b1d2f34567"),
        ("secrets.bootstrapApiKey", "flk_0123456789abcdef0123456789abcdef"), ("secrets.setupToken", "5b1e90c27f3a48d6b1e95c02f7a3d84e"), ("secrets.flowsdb", "Host=db;Username=flows;Password=\"p;w\";Database=flowsdb"), ("secrets.redis", "redis:6379,password=x"),
    ];

    /// <summary>Names of the container's variables with their value, or "secret:key".</summary>
    public static Dictionary<string, string> EnvironmentOf(Dictionary<string, object?> deployment) =>
        deployment.ListAt("spec.template.spec.containers.0.env").ToDictionary(
            variable => variable.TextAt("name")!,
            variable => ((Dictionary<string, object?>)variable!).ContainsKey("value") ? variable.TextAt("value")! : $"secret:{variable.TextAt("valueFrom.secretKeyRef.key")}", StringComparer.Ordinal);

    [GeneratedRegex(@"\$\{(?<name>\w+)(?:(?<kind>:-|:\?)(?<text>[^}]*))?\}")]
    private static partial Regex VariableOf();
}
