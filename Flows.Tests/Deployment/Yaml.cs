using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;
using YamlDotNet.Serialization;

namespace Flows.Tests.Deployment;

/// <summary>YAML as plain maps, lists, texts, whole numbers and truth values.</summary>
internal static class Yaml
{
    /// <summary>The documents of a file that are not empty. A key that stands twice in a map is an error; <c>&lt;&lt;</c> is merged.</summary>
    public static List<Dictionary<string, object?>> Read(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(document => Value(document.RootNode)).OfType<Dictionary<string, object?>>()];
    }

    public static string Write(object? value) =>
        value is Dictionary<string, object?> { Count: 0 } ? "{}" : new SerializerBuilder().WithQuotingNecessaryStrings().Build().Serialize(value).TrimEnd();

    private static object? Value(YamlNode node) => node switch
    {
        YamlMappingNode map => Map(map),
        YamlSequenceNode list => list.Select(Value).ToList(),
        YamlScalarNode { Style: ScalarStyle.Plain } plain => Plain(plain.Value!),
        YamlScalarNode scalar => scalar.Value,
        _ => throw new InvalidDataException(node.ToString()),
    };

    private static Dictionary<string, object?> Map(YamlMappingNode node)
    {
        var map = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (key, value) in node)
        {
            if (((YamlScalarNode)key).Value != "<<")
                map[((YamlScalarNode)key).Value!] = Value(value);
        }
        foreach (var (key, value) in node.Where(pair => ((YamlScalarNode)pair.Key).Value == "<<").SelectMany(pair => Map((YamlMappingNode)pair.Value)))
            map.TryAdd(key, value);
        return map;
    }

    private static object? Plain(string text) => text switch
    {
        "" or "~" or "null" => null,
        "true" => true,
        "false" => false,
        _ => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : text,
    };

    /// <summary>What lies at a path such as <c>spec.template.spec.containers.0.env</c>; an error that names the part that is missing.</summary>
    public static object? At(this object? node, string path)
    {
        foreach (var part in path.Split('.'))
        {
            node = node switch
            {
                Dictionary<string, object?> map => map.TryGetValue(part, out var value) ? value : throw new InvalidDataException($"{path}: there is no '{part}'."),
                List<object?> list => list[int.Parse(part, CultureInfo.InvariantCulture)],
                _ => throw new InvalidDataException($"{path}: nothing has '{part}'."),
            };
        }
        return node;
    }

    public static Dictionary<string, object?> MapAt(this object? node, string path) => (Dictionary<string, object?>)node.At(path)!;
    public static List<object?> ListAt(this object? node, string path) => (List<object?>)node.At(path)!;
    public static string? TextAt(this object? node, string path) => node.At(path) is { } value ? Convert.ToString(value, CultureInfo.InvariantCulture) : null;
}
