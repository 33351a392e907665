using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Flows.Tests.EndToEnd;

/// <summary>
/// An answer as a page for people shows it: a status line, some headers, an empty line, the body. In JSON a <c>…</c> stands for more fields or more items,
/// which are not there without it; in a text for any characters. A <c>$NAME</c> that is the whole of a value and has no value yet takes it from the
/// answer; elsewhere it stands for its value.
/// </summary>
internal sealed partial class WrittenAnswer(string written, IDictionary<string, string> values)
{
    private const string More = "…";
    private readonly List<string> _differences = [];

    /// <param name="actual">What <c>curl -i</c> has printed.</param>
    /// <returns>What is different; empty when it is as written.</returns>
    public IReadOnlyList<string> CompareTo(string actual)
    {
        var (head, body) = Split(written);
        var (actualHead, actualBody) = Split(actual);
        if (actualHead[0].Trim() != head[0])
            _differences.Add($"status: expected '{head[0]}', got '{actualHead[0].Trim()}'");
        // The body first: it has the ids that headers repeat.
        if (!body.StartsWith('{'))
            Compare("body", body, actualBody);
        else if (Parse(actualBody) is { } json)
            Compare("$", JsonElement.Parse(Plain(body)), json);
        foreach (var header in head.Skip(1).Select(line => line.Split(": ", 2)))
        {
            var found = actualHead.Skip(1).Select(line => line.Split(": ", 2)).FirstOrDefault(line => line[0].Equals(header[0], StringComparison.OrdinalIgnoreCase));
            if (found is not [_, var value])
                _differences.Add($"{header[0]}: it is not there");
            else
                Compare(header[0], header[1], value.Trim());
        }
        return _differences;
    }

    private JsonElement? Parse(string body)
    {
        try
        {
            return JsonElement.Parse(body);
        }
        catch (JsonException)
        {
            _differences.Add($"body: it is not JSON: {body}");
            return null;
        }
    }

    private void Compare(string path, JsonElement expected, JsonElement actual)
    {
        if (expected.ValueKind == JsonValueKind.String && expected.ValueEquals(More) && actual.ValueKind != JsonValueKind.Null)
            return;
        if (expected.ValueKind != actual.ValueKind)
        {
            _differences.Add($"{path}: expected {expected.GetRawText()}, got {actual.GetRawText()}");
            return;
        }
        switch (expected.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in expected.EnumerateObject().Where(property => property.Name != More))
                {
                    if (actual.TryGetProperty(property.Name, out var value))
                        Compare($"{path}.{property.Name}", property.Value, value);
                    else
                        _differences.Add($"{path}.{property.Name}: it is not there");
                }
                if (!expected.TryGetProperty(More, out _))
                    _differences.AddRange(actual.EnumerateObject().Where(property => !expected.TryGetProperty(property.Name, out _)).Select(property => $"{path}.{property.Name}: the page does not have it: {property.Value.GetRawText()}"));
                break;
            case JsonValueKind.Array:
                var (items, found) = (expected.EnumerateArray().ToList(), actual.EnumerateArray().ToList());
                var isOpen = items is [.., { ValueKind: JsonValueKind.String } last] && last.ValueEquals(More);
                if (isOpen)
                    items.RemoveAt(items.Count - 1);
                if (found.Count < items.Count || (!isOpen && found.Count > items.Count))
                    _differences.Add($"{path}: expected {items.Count} items{(isOpen ? " or more" : "")}, got {actual.GetRawText()}");
                foreach (var ((item, other), i) in items.Zip(found).Select((pair, i) => (pair, i)))
                    Compare($"{path}[{i}]", item, other);
                break;
            case JsonValueKind.String:
                Compare(path, expected.GetString()!, actual.GetString()!);
                break;
            case JsonValueKind.Number when expected.GetDouble() != actual.GetDouble():
                _differences.Add($"{path}: expected {expected.GetRawText()}, got {actual.GetRawText()}");
                break;
        }
    }

    private void Compare(string path, string expected, string actual)
    {
        if (Name().Match(expected) is { Success: true, Length: var length } only && length == expected.Length && !values.ContainsKey(only.Groups[1].Value))
        {
            values[only.Groups[1].Value] = actual;
            return;
        }
        var known = Name().Replace(expected, match => values.TryGetValue(match.Groups[1].Value, out var value) ? value : match.Value);
        if (!Regex.IsMatch(actual, $"^{string.Join(".*", known.Split(More).Select(Regex.Escape))}$", RegexOptions.Singleline))
            _differences.Add($"{path}: expected '{known}', got '{actual}'");
    }

    // Where JSON has the mark without quotes: a field in an object, an item in a list.
    private static string Plain(string body)
    {
        var plain = new StringBuilder();
        var open = new Stack<char>();
        for (var i = 0; i < body.Length; i++)
        {
            var c = body[i];
            if (c == '"')
            {
                var end = i + 1;
                while (body[end] != '"')
                    end += body[end] == '\\' ? 2 : 1;
                plain.Append(body, i, end - i + 1);
                i = end;
                continue;
            }
            if (c is '{' or '[')
                open.Push(c);
            else if (c is '}' or ']')
                open.Pop();
            plain.Append(c.ToString() != More ? c.ToString() : open.Peek() == '{' ? $"\"{More}\": 0" : $"\"{More}\"");
        }
        return plain.ToString();
    }

    private static (string[] Head, string Body) Split(string answer)
    {
        var text = answer.ReplaceLineEndings("\n");
        var end = text.IndexOf("\n\n", StringComparison.Ordinal);
        return end < 0 ? (text.Trim('\n').Split('\n'), "") : (text[..end].Split('\n'), text[(end + 2)..].Trim('\n'));
    }

    [GeneratedRegex(@"\$([A-Z][A-Z_]*)")]
    private static partial Regex Name();
}

/// <summary>The page is worth as much as the comparison.</summary>
public sealed class ComparingAWrittenAnswer
{
    private const string Actual = "HTTP/1.1 200 OK\r\nETag: \"2\"\r\n\r\n{\"id\":\"0199\",\"n\":2,\"tags\":[\"a\",\"b\"],\"url\":\"http://x/0199\",\"none\":null}";

    [Theory]
    [InlineData("HTTP/1.1 200 OK\nETag: \"2\"\n\n{ \"id\": \"$ID\", \"n\": 2, \"tags\": [\"a\", \"b\"], \"url\": \"http://…/$ID\", \"none\": null }")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"tags\": [\"a\", …], … }")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"tags\": [ … ], \"id\": \"…\", … }")]
    public void What_is_as_written_passes(string written) => Assert.Equal([], new WrittenAnswer(written, new Dictionary<string, string>()).CompareTo(Actual));

    [Theory]
    [InlineData("HTTP/1.1 201 Created\n\n{ … }", "status: expected 'HTTP/1.1 201 Created', got 'HTTP/1.1 200 OK'")]
    [InlineData("HTTP/1.1 200 OK\nETag: \"3\"\n\n{ … }", "ETag: expected '\"3\"', got '\"2\"'")]
    [InlineData("HTTP/1.1 200 OK\nLocation: …\n\n{ … }", "Location: it is not there")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"n\": 3, … }", "$.n: expected 3, got 2")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"n\": \"2\", … }", "$.n: expected \"2\", got 2")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"m\": 2, … }", "$.m: it is not there")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"none\": \"…\", … }", "$.none: expected \"…\", got null")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"tags\": [\"a\"], … }", "$.tags: expected 1 items, got [\"a\",\"b\"]")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"tags\": [\"b\", …], … }", "$.tags[0]: expected 'b', got 'a'")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"id\": \"$OLD\", … }", "$.id: expected '7', got '0199'")]
    [InlineData("HTTP/1.1 200 OK\n\n{ \"id\": \"…\", \"n\": 2, \"tags\": [ … ], \"url\": \"…\" }", "$.none: the page does not have it: null")]
    [InlineData("HTTP/1.1 200 OK\n\nplain", "body: expected 'plain', got '{\"id\":\"0199\",\"n\":2,\"tags\":[\"a\",\"b\"],\"url\":\"http://x/0199\",\"none\":null}'")]
    public void What_is_not_is_told(string written, string difference) =>
        Assert.Equal([difference], new WrittenAnswer(written, new Dictionary<string, string> { ["OLD"] = "7" }).CompareTo(Actual));
}
