using System.Text;
using System.Xml;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Xml;

/// <summary>Makes a value of a document. Nothing outside of the text is ever read: there are no document types, entities or addresses to follow.</summary>
internal sealed class XmlValueReader(HashSet<string> lists, bool dropPrefixes, bool keepSpace)
{
    /// <summary>Levels of elements; each may take two levels of the value.</summary>
    private const int MaxDepth = 50;
    private const int MaxLength = 10_000_000;

    /// <exception cref="PieceException">It is not well-formed, has a document type, or is too long or too deep.</exception>
    public Value Read(string text, CancellationToken cancel)
    {
        if (text.Length > MaxLength)
            throw PieceException.Final($"'text' has more than {MaxLength} characters.", "limit");
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = MaxLength,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };
        using var reader = XmlReader.Create(new StringReader(text.TrimStart('\uFEFF', ' ', '\t', '\r', '\n')), settings);
        try
        {
            reader.MoveToContent();
            var document = ValueObject.Of(new KeyValuePair<string, Value>(NameOf(reader), Element(reader, cancel)));
            while (reader.Read())
            {
                // What follows the outermost element has to be well-formed too.
            }
            // The step's output is wrapped in messages that nest a little themselves.
            return document.Depth < Value.MaxDepth ? document : throw TooDeep();
        }
        catch (XmlException error)
        {
            throw PieceException.Input(text.Contains("<!DOCTYPE", StringComparison.Ordinal)
                ? "'text' has a document type (<!DOCTYPE …>), which is not read."
                : $"'text' is not XML: something is wrong at {error.LineNumber}:{error.LinePosition}.");
        }
    }

    private static PieceException TooDeep() => PieceException.Final($"'text' is nested too deeply; about {MaxDepth} levels are allowed.", "limit");

    private string NameOf(XmlReader reader) => dropPrefixes ? reader.LocalName : reader.Name;

    // The reader stands on the start of the element, and afterwards on its end.
    private Value Element(XmlReader reader, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        if (reader.Depth >= MaxDepth)
            throw TooDeep();

        var children = new OrderedDictionary<string, List<Value>>(StringComparer.Ordinal);
        var isEmpty = reader.IsEmptyElement;
        while (reader.MoveToNextAttribute())
        {
            if (!dropPrefixes || (reader.Prefix != "xmlns" && reader.Name != "xmlns"))
                children[$"@{NameOf(reader)}"] = [Value.Of(reader.Value)];
        }
        reader.MoveToElement();
        var text = isEmpty ? "" : Content(reader, children, cancel);
        if (children.Count == 0)
            return Value.Of(text);
        if (text.Length > 0)
            children["#text"] = [Value.Of(text)];

        var element = new ValueObject.Builder();
        foreach (var (name, values) in children)
            element.Set(name, values.Count == 1 && !lists.Contains(name) ? values[0] : ValueList.Of(values));
        return Value.Of(element.ToObject());
    }

    private string Content(XmlReader reader, OrderedDictionary<string, List<Value>> children, CancellationToken cancel)
    {
        string? only = null;
        StringBuilder? several = null;
        while (reader.Read() && reader.NodeType != XmlNodeType.EndElement)
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    var name = NameOf(reader);
                    if (!children.TryGetValue(name, out var same))
                        children[name] = same = [];
                    same.Add(Element(reader, cancel));
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace:
                case XmlNodeType.Whitespace when keepSpace:
                    if (only is not null)
                        (several ??= new StringBuilder(only)).Append(reader.Value);
                    only ??= reader.Value;
                    break;
            }
        }
        var text = several?.ToString() ?? only ?? "";
        return keepSpace ? text : text.Trim();
    }
}
