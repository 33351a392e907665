using System.Collections;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Flows.Tests.Deployment;

/// <summary>
/// The part of Go's text/template, with the functions of Helm, that the chart of this repository uses. What it does not know is an error, never left out.
/// Grammar: text and actions <c>{{ … }}</c>, a dash beside the braces taking the white space there; <c>if/else/range/with/define/end</c>;
/// pipelines of calls, whose arguments are literals, <c>.Field.Paths</c>, <c>$variables</c> and pipelines in brackets.
/// </summary>
internal sealed partial class GoTemplate
{
    private readonly Dictionary<string, List<Node>> _defined = new(StringComparer.Ordinal);

    private abstract record Node;
    private sealed record TextNode(string Text) : Node;
    private sealed record OutputNode(List<string> Pipeline) : Node;
    private sealed record BlockNode(string Kind, List<string> Pipeline, string? Key, string? Item, List<Node> Then, List<Node> Else) : Node;

    /// <summary>Makes the definitions of a file known to those that come after it.</summary>
    public void Define(string text) => Parse(text);

    /// <exception cref="FormatException">The template is not one, or has stopped with a message of its own.</exception>
    public string Render(string text, Dictionary<string, object?> root)
    {
        var output = new StringBuilder();
        Write(Parse(text), root, new Dictionary<string, object?>(StringComparer.Ordinal) { ["$"] = root }, output);
        return output.ToString();
    }

    private List<Node> Parse(string text)
    {
        var parts = new Queue<(bool IsAction, string Text)>();
        var at = 0;
        var trimsNext = false;
        foreach (Match action in ActionOf().Matches(text))
        {
            var before = text[at..action.Index];
            if (trimsNext)
                before = before.TrimStart();
            if (action.Groups["left"].Success)
                before = before.TrimEnd();
            parts.Enqueue((false, before));
            if (!action.Groups["comment"].Success)
                parts.Enqueue((true, action.Groups["code"].Value.Trim()));
            trimsNext = action.Groups["right"].Success;
            at = action.Index + action.Length;
        }
        parts.Enqueue((false, trimsNext ? text[at..].TrimStart() : text[at..]));
        var nodes = ParseUntilEnd(parts, out var ended);
        return ended is null ? nodes : throw new FormatException($"'{ended}' ends nothing.");
    }

    private List<Node> ParseUntilEnd(Queue<(bool IsAction, string Text)> parts, out string? ended)
    {
        var nodes = new List<Node>();
        while (parts.TryDequeue(out var part))
        {
            if (!part.IsAction)
            {
                nodes.Add(new TextNode(part.Text));
                continue;
            }
            var words = TokenOf().Matches(part.Text).Select(token => token.Value).ToList();
            switch (words[0])
            {
                case "end" or "else":
                    ended = part.Text;
                    return nodes;
                case "if" or "with" or "range" or "define":
                    nodes.AddRange(ParseBlock(words, parts));
                    break;
                default:
                    nodes.Add(new OutputNode(words));
                    break;
            }
        }
        ended = null;
        return nodes;
    }

    private IEnumerable<Node> ParseBlock(List<string> words, Queue<(bool, string)> parts)
    {
        var then = ParseUntilEnd(parts, out var ended);
        List<Node> otherwise = [];
        if (ended == "else")
            otherwise = ParseUntilEnd(parts, out ended);
        if (ended != "end")
            throw new FormatException($"'{string.Join(' ', words)}' has no end, or ends in '{ended}'.");
        if (words[0] == "define")
        {
            _defined[Literal(words[1])] = then;
            return [];
        }
        var assigned = words.IndexOf(":=");
        return assigned switch
        {
            -1 => [new BlockNode(words[0], words[1..], null, null, then, otherwise)],
            2 => [new BlockNode(words[0], words[3..], null, words[1], then, otherwise)],
            4 => [new BlockNode(words[0], words[5..], words[1], words[3], then, otherwise)],
            _ => throw new FormatException($"'{string.Join(' ', words)}' cannot be read."),
        };
    }

    private void Write(List<Node> nodes, object? dot, Dictionary<string, object?> variables, StringBuilder output)
    {
        foreach (var node in nodes)
        {
            switch (node)
            {
                case TextNode text:
                    output.Append(text.Text);
                    break;
                case OutputNode value:
                    output.Append(Shown(Evaluate(value.Pipeline, dot, variables)));
                    break;
                case BlockNode block:
                    WriteBlock(block, Evaluate(block.Pipeline, dot, variables), dot, variables, output);
                    break;
                default:
                    throw new InvalidOperationException(node.ToString());
            }
        }
    }

    private void WriteBlock(BlockNode block, object? value, object? dot, Dictionary<string, object?> variables, StringBuilder output)
    {
        if (!IsTrue(value))
        {
            Write(block.Else, dot, variables, output);
            return;
        }
        if (block.Kind != "range")
        {
            Write(block.Then, block.Kind == "with" ? value : dot, variables, output);
            return;
        }
        var items = value is Dictionary<string, object?> map
            ? map.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => ((object?)pair.Key, pair.Value))
            : ((List<object?>)value!).Select((item, index) => ((object?)(long)index, item));
        foreach (var (key, item) in items)
        {
            var inner = new Dictionary<string, object?>(variables, StringComparer.Ordinal);
            if (block.Key is not null)
                inner[block.Key] = key;
            if (block.Item is not null)
                inner[block.Item] = item;
            Write(block.Then, item, inner, output);
        }
    }

    private object? Evaluate(List<string> words, object? dot, Dictionary<string, object?> variables)
    {
        var at = 0;
        var value = Pipeline(words, ref at, dot, variables);
        return at == words.Count ? value : throw new FormatException($"'{string.Join(' ', words)}' goes on behind its end.");
    }

    private object? Pipeline(List<string> words, ref int at, object? dot, Dictionary<string, object?> variables)
    {
        var value = Call(words, ref at, dot, variables, []);
        while (at < words.Count && words[at] == "|")
        {
            at++;
            value = Call(words, ref at, dot, variables, [value]);
        }
        return value;
    }

    private object? Call(List<string> words, ref int at, object? dot, Dictionary<string, object?> variables, object?[] piped)
    {
        if (!char.IsLetter(words[at][0]) || words[at] is "true" or "false")
            return Operand(words, ref at, dot, variables);
        var name = words[at++];
        var arguments = new List<object?>();
        while (at < words.Count && words[at] is not ("|" or ")"))
            arguments.Add(char.IsLetter(words[at][0]) && words[at] is not ("true" or "false") ? throw new FormatException($"'{words[at]}' is no argument.") : Operand(words, ref at, dot, variables));
        arguments.AddRange(piped);
        if (name != "include")
            return Functions.Call(name, arguments);
        var output = new StringBuilder();
        Write(_defined[(string)arguments[0]!], arguments[1], new Dictionary<string, object?>(StringComparer.Ordinal) { ["$"] = arguments[1] }, output);
        return output.ToString();
    }

    private object? Operand(List<string> words, ref int at, object? dot, Dictionary<string, object?> variables)
    {
        var word = words[at++];
        switch (word[0])
        {
            case '(':
                var value = Pipeline(words, ref at, dot, variables);
                return words[at++] == ")" ? value : throw new FormatException("A bracket is not closed.");
            case '"':
                return Literal(word);
            case '.':
                return Field(dot, word);
            case '$':
                var end = word.IndexOf('.', StringComparison.Ordinal);
                return end < 0 ? variables[word] : Field(variables[word[..end]], word[end..]);
            default:
                return word is "true" or "false" ? word == "true" : long.Parse(word, CultureInfo.InvariantCulture);
        }
    }

    /// <summary>A value that does not exist is a mistake of the chart's: in Helm it would be nothing, and go unseen.</summary>
    private static object? Field(object? from, string path)
    {
        foreach (var name in path.Split('.', StringSplitOptions.RemoveEmptyEntries))
            from = from is Dictionary<string, object?> map && map.TryGetValue(name, out var found) ? found : throw new FormatException($"There is no '{path}': values.yaml has no '{name}'.");
        return from;
    }

    private static string Literal(string quoted) => quoted[1..^1].Replace("\\\"", "\"", StringComparison.Ordinal);

    private static string Shown(object? value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new FormatException("What is written must be a text, a number or a truth value."),
    };

    private static bool IsTrue(object? value) => value switch
    {
        null or false or "" or 0L => false,
        ICollection collection => collection.Count > 0,
        _ => true,
    };

    /// <summary>Those of the template language, of Sprig and of Helm that the chart calls.</summary>
    private static class Functions
    {
        public static object? Call(string name, List<object?> a) => name switch
        {
            "eq" => Equals(a[0], a[1]),
            "lt" => (long)a[0]! < (long)a[1]!,
            "not" => !IsTrue(a[0]),
            "and" => a.FirstOrDefault(value => !IsTrue(value), a[^1]),
            "add" => (long)a[0]! + (long)a[1]!,
            "div" => (long)a[0]! / (long)a[1]!,
            "mod" => (long)a[0]! % (long)a[1]!,
            "int" => (long)a[0]!,
            "default" => IsTrue(a[1]) ? a[1] : a[0],
            "required" => a[1] is null or "" ? throw new FormatException((string)a[0]!) : a[1],
            "fail" => throw new FormatException((string)a[0]!),
            "quote" => $"\"{Shown(a[0]).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"",
            "printf" => Printf((string)a[0]!, a[1..]),
            "sha256sum" => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes((string)a[0]!))),
            "toYaml" => Yaml.Write(a[0]),
            "nindent" => "\n" + string.Join('\n', ((string)a[1]!).Split('\n').Select(line => new string(' ', (int)(long)a[0]!) + line)),
            _ => throw new FormatException($"The function '{name}' is not known here."),
        };

        private static string Printf(string format, List<object?> values)
        {
            var next = 0;
            return VerbOf().Replace(format, verb => verb.Value == "%s" ? Shown(values[next++]) : ((long)values[next++]!).ToString("00", CultureInfo.InvariantCulture));
        }
    }

    [GeneratedRegex(@"\{\{(?<left>-(?=\s))?(?:(?<comment>\s*/\*.*?\*/\s*)|(?<code>.*?))(?<right>(?<=\s)-)?\}\}", RegexOptions.Singleline)]
    private static partial Regex ActionOf();
    [GeneratedRegex("""
        "(?:\\.|[^"\\])*"|:=|[|(),]|[^\s|(),"]+
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex TokenOf();
    [GeneratedRegex("%s|%02d")]
    private static partial Regex VerbOf();
}
