using System.Text;
using System.Xml;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Xml;

/// <summary>
/// Writes a value as a document, by the rules by which it is read: names are written as they are, with their prefixes and the
/// xmlns attributes that declare them. Null is an empty element; an attribute that is null is left out.
/// </summary>
internal sealed class XmlValueWriter(bool indent, long maxLength, CancellationToken cancel)
{
    private readonly StringBuilder _text = new();

    /// <exception cref="PieceException">The value cannot be written as XML; the message says where.</exception>
    public string Write(Value value, bool declaration)
    {
        if (value.Kind != ValueKind.Object || value.AsObject.Count != 1 || value.AsObject.Values[0].Kind == ValueKind.List)
            throw PieceException.Input($"'value' must be an object with one property that is no list, the outermost element; found {ValueText.Of(value)}.");
        if (declaration)
            _text.Append("<?xml version=\"1.0\" encoding=\"utf-8\"?>").Append(indent ? "\n" : "");
        Element(value.AsObject.Keys[0], value.AsObject.Values[0], "value", 0);
        CheckPrefixes();
        return _text.ToString();
    }

    private void Element(string name, Value value, string parent, int depth)
    {
        cancel.ThrowIfCancellationRequested();
        var path = $"{parent}.{Shown.Cut(name)}";
        if (value.Kind == ValueKind.List)
        {
            for (var i = 0; i < value.AsList.Count; i++)
            {
                if (value.AsList[i].Kind == ValueKind.List)
                    throw PieceException.Input($"'{path}[{i}]' is a list in a list, which has no name as an element.");
                Element(name, value.AsList[i], parent, depth);
            }
            return;
        }

        NewLine(depth);
        _text.Append('<').Append(Name(name, path));
        var inside = value.Kind == ValueKind.Object ? value.AsObject : ValueObject.Empty;
        // Attributes first: once there is content, there is no place for them.
        foreach (var (key, attribute) in inside)
        {
            if (!key.StartsWith('@') || attribute.IsNull)
                continue;
            _text.Append(' ').Append(Name(key[1..], $"{path}.{Shown.Cut(key)}")).Append("=\"");
            Escaped(attribute, $"{path}.{Shown.Cut(key)}");
            _text.Append('"');
        }
        var start = _text.Length;
        _text.Append('>');
        var hasElements = false;
        if (value.Kind is not (ValueKind.Object or ValueKind.Null))
            Escaped(value, path);
        foreach (var (key, content) in inside)
        {
            if (key == "#text")
                Escaped(content, $"{path}.#text");
            else if (!key.StartsWith('@'))
            {
                hasElements |= content.Kind != ValueKind.List || content.AsList.Count > 0;
                Element(key, content, path, depth + 1);
            }
        }
        if (_text.Length == start + 1)
            _text.Insert(start, '/');
        else
        {
            if (hasElements)
                NewLine(depth);
            _text.Append("</").Append(name).Append('>');
        }
        if (_text.Length > maxLength)
            throw PieceException.Final($"the document has more than {maxLength} characters (limit: Flows__Limits__PayloadMiB).", "limit");
    }

    private void NewLine(int depth)
    {
        if (indent && depth + _text.Length > 0 && _text[^1] == '>')
            _text.Append('\n').Append(' ', depth * 2);
    }

    private static string Name(string name, string path)
    {
        try
        {
            return XmlConvert.VerifyName(name);
        }
        catch (Exception error) when (error is XmlException or ArgumentNullException)
        {
            throw PieceException.Input($"'{path}': \"{Shown.Cut(name)}\" cannot be the name of an element or attribute.");
        }
    }

    private void Escaped(Value value, string path)
    {
        if (value.Kind is ValueKind.List or ValueKind.Object)
            throw PieceException.Input($"'{path}' must be a text, a number or a boolean; found {ValueText.Of(value)}.");
        var text = value.IsNull ? "" : value.ToString();
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                _text.Append(c).Append(text[++i]);
                continue;
            }
            _ = c switch
            {
                '&' => _text.Append("&amp;"),
                '<' => _text.Append("&lt;"),
                '>' => _text.Append("&gt;"),
                '"' => _text.Append("&quot;"),
                // As they are, a reader makes line feeds or spaces of them.
                '\r' or '\n' or '\t' => _text.Append("&#").Append((int)c).Append(';'),
                _ when XmlConvert.IsXmlChar(c) => _text.Append(c),
                _ => throw PieceException.Input($"'{path}' has the character U+{(int)c:X4}, which XML cannot hold."),
            };
        }
    }

    // What is left to go wrong are prefixes nobody declares, which only a reader finds.
    private void CheckPrefixes()
    {
        try
        {
            using var reader = XmlReader.Create(new StringReader(_text.ToString()), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            while (reader.Read())
                cancel.ThrowIfCancellationRequested();
        }
        catch (XmlException error)
        {
            throw PieceException.Input($"'value' gives no sound XML: {error.Message}");
        }
    }
}
