using System.Text;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Text;

/// <summary>Places such as <c>{name}</c> and <c>{address.city}</c> in a text. What is filled in is not searched again.</summary>
internal static class Placeholders
{
    /// <param name="missing"><c>fail</c>, <c>empty</c> or <c>keep</c>.</param>
    /// <exception cref="PieceException">A value is missing, or the text would be too long.</exception>
    public static string Fill(string template, Value values, string missing, long maxLength)
    {
        var filled = new StringBuilder(template.Length);
        for (var at = 0; at < template.Length;)
        {
            var end = template[at] == '{' ? EndOfName(template, at + 1) : -1;
            if (end < 0)
            {
                filled.Append(template[at++]);
                continue;
            }
            var name = template[(at + 1)..end];
            var value = Find(values, name);
            if (!value.IsNull)
                filled.Append(value.ToString());
            else if (missing == "fail")
                throw PieceException.Input($"'values' has no '{Shown.Cut(name)}', which 'template' asks for.");
            else if (missing == "keep")
                filled.Append(template, at, end + 1 - at);
            if (filled.Length > maxLength)
                throw PieceException.Final($"the text has more than {maxLength} characters (limit: Flows__Limits__PayloadMiB).", "limit");
            at = end + 1;
        }
        return filled.ToString();
    }

    /// <summary>The value of a text that is one place and nothing else; null when it is not, or when there is no such value.</summary>
    public static Value? Only(string template, Value values) =>
        template.Length > 2 && template[0] == '{' && EndOfName(template, 1) == template.Length - 1 && Find(values, template[1..^1]) is { IsNull: false } value ? value : null;

    // -1 when this is no name: { color: red } and {"a":1} are text.
    private static int EndOfName(string text, int start)
    {
        var at = start;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] is '_' or '-' or '.'))
            at++;
        return at > start && at < text.Length && text[at] == '}' ? at : -1;
    }

    private static Value Find(Value value, string path)
    {
        foreach (var name in path.Split('.'))
        {
            if (value.Kind == ValueKind.List && int.TryParse(name, out var index) && index >= 0 && index < value.AsList.Count)
                value = value.AsList[index];
            else if (value.Kind != ValueKind.Object || !value.AsObject.TryGet(name, out value))
                return Value.Null;
        }
        return value;
    }
}
