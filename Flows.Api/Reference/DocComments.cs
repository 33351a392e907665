using System.Collections.Frozen;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Flows.Api.Reference;

/// <summary>
/// The doc comments of our own assemblies, from the files that the compiler has written beside them: what they say of a field is what the reference
/// says of it. Without the files nothing is described, and nothing breaks.
/// </summary>
internal static partial class DocComments
{
    private static readonly FrozenDictionary<string, XElement> s_members = Read("Flows.Api", "Flows.Contracts", "Flows.Queue");

    /// <summary>Of a handler; null when it says nothing.</summary>
    public static string? SummaryOf(MethodInfo method)
    {
        // The parameters are part of a method's name there; one class has no two handlers of one name.
        var start = $"M:{NameOf(method.DeclaringType!)}.{method.Name}(";
        return s_members.FirstOrDefault(member => member.Key.StartsWith(start, StringComparison.Ordinal)).Value is { } found ? Text(found.Element("summary")) : null;
    }

    public static string? SummaryOf(Type type) => s_members.GetValueOrDefault($"T:{NameOf(type)}") is { } found ? Text(found.Element("summary")) : null;

    /// <summary>Of a property, or of the parameter that a record has it from.</summary>
    public static string? SummaryOf(Type type, string property) =>
        (s_members.GetValueOrDefault($"P:{NameOf(type)}.{property}") is { } own ? Text(own.Element("summary")) : null)
        ?? (Whole(type)?.Elements("param").FirstOrDefault(param => (string?)param.Attribute("name") == property) is { } param ? Text(param) : null);

    // A type may stand in for another with <inheritdoc cref="T:…"/>.
    private static XElement? Whole(Type type)
    {
        var found = s_members.GetValueOrDefault($"T:{NameOf(type)}");
        return found?.Element("inheritdoc")?.Attribute("cref")?.Value is { } other ? s_members.GetValueOrDefault(other) : found;
    }

    private static string NameOf(Type type) => (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName!.Replace('+', '.');

    private static string? Text(XElement? element)
    {
        if (element is null)
            return null;
        var text = new StringBuilder();
        foreach (var node in element.Nodes())
        {
            text.Append(node switch
            {
                XText words => words.Value,
                XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
                XElement { Name.LocalName: "para" } para => "\n\n" + para.Value,
                XElement { Name.LocalName: "see" } see when see.Attribute("cref")?.Value is { } cref => $"`{cref[(cref.LastIndexOf('.') + 1)..]}`",
                XElement { Name.LocalName: "paramref" } name => $"`{name.Attribute("name")?.Value}`",
                XElement other => other.Value,
                _ => "",
            });
        }
        var plain = Blanks().Replace(text.ToString(), " ").Trim();
        return plain.Length == 0 ? null : plain;
    }

    private static FrozenDictionary<string, XElement> Read(params IEnumerable<string> assemblies)
    {
        var members = new Dictionary<string, XElement>(StringComparer.Ordinal);
        foreach (var path in assemblies.Select(name => Path.Combine(AppContext.BaseDirectory, $"{name}.xml")).Where(File.Exists))
        {
            using var reader = XmlReader.Create(path, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit });
            foreach (var member in XDocument.Load(reader).Descendants("member"))
                members[(string?)member.Attribute("name") ?? ""] = member;
        }
        return members.ToFrozenDictionary(StringComparer.Ordinal);
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
