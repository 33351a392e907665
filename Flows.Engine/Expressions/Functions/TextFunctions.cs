using System.Globalization;
using System.Text;

namespace Flows.Engine.Expressions;

/// <summary>Texts are counted in UTF-16 units, as JavaScript does; comparing and case do not depend on a language.</summary>
internal static class TextFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("text(value)", "The value as text: a text as it is, anything else as JSON; null becomes 'null'.",
            call => call.Result(call[0].IsNull ? "null" : call.InText(call[0])), "String", "toString"),
        new("upper(text)", "In capital letters.", call => call.Result(call.Text(0).ToUpperInvariant()), "toUpperCase"),
        new("lower(text)", "In small letters.", call => call.Result(call.Text(0).ToLowerInvariant()), "toLowerCase"),
        new("capitalize(text)", "The first letter as a capital.", call => call.Result(Capital(call.Text(0)))),
        new("titleCase(text)", "The first letter of every word as a capital, the others small.",
            call => call.Result(CultureInfo.InvariantCulture.TextInfo.ToTitleCase(call.Text(0).ToLowerInvariant()))),
        new("camelCase(text)", "Words joined as in orderTotal.", call => call.Result(Camel(Words(call)))),
        new("snakeCase(text)", "Words joined as in order_total.", call => call.Result(string.Join('_', Words(call)))),
        new("kebabCase(text)", "Words joined as in order-total.", call => call.Result(string.Join('-', Words(call)))),
        new("slug(text)", "Small letters, digits and dashes, accents taken off: for addresses and file names.", call => call.Result(Slug(call))),
        new("removeAccents(text)", "With letters such as é and ß written with the letters a to z.", call => call.Result(Accents.TakenOff(call.Text(0)))),
        new("trim(text)", "Without white space at both ends.", call => call.Result(call.Text(0).Trim())),
        new("trimStart(text)", "Without white space at the start.", call => call.Result(call.Text(0).TrimStart())),
        new("trimEnd(text)", "Without white space at the end.", call => call.Result(call.Text(0).TrimEnd())),
        new("substring(text, start, end?)", "From start up to, not including, end. Positions beyond the ends count as the ends.", Substring),
        new("left(text, count)", "The first characters.", call => call.Result(call.Text(0)[..Clamped(call, 1)])),
        new("right(text, count)", "The last characters.", call => call.Result(call.Text(0)[^Clamped(call, 1)..])),
        new("charAt(text, position)", "The character at a position from 0; '' beyond the end.", CharAt),
        new("codePoint(text)", "The Unicode number of the first character; null for an empty text.", CodePoint, "codePointAt"),
        new("fromCodePoint(...numbers)", "The text of these Unicode numbers.", FromCodePoint, "String.fromCodePoint", "String.fromCharCode"),
        new("startsWith(text, start)", "Whether it begins so.", call => Value.Of(call.Text(0).StartsWith(call.Text(1), StringComparison.Ordinal))),
        new("endsWith(text, end)", "Whether it ends so.", call => Value.Of(call.Text(0).EndsWith(call.Text(1), StringComparison.Ordinal))),
        new("replace(text, search, replacement)", "With the first place of a text replaced.", ReplaceFirst),
        new("replaceAll(text, search, replacement)", "With every place of a text replaced.", ReplaceAll),
        new("split(text, separator, most?)", "The parts between separators; '' splits into characters. No more than 'most' parts are given.", Split),
        new("lines(text)", "Its lines, without their ends.", Lines),
        new("words(text)", "Its words: runs of letters and digits, also as joined in camelCase.", call => call.Result([.. SplitWords(call.Text(0)).Select(Value.Of)])),
        new("padStart(text, length, fill?)", "Filled up at the start, with spaces or 'fill'.", call => Pad(call, atStart: true)),
        new("padEnd(text, length, fill?)", "Filled up at the end, with spaces or 'fill'.", call => Pad(call, atStart: false)),
        new("repeat(text, count)", "The text several times.", Repeat),
        new("truncate(text, length, ending?)", "Cut to a length, ending included; the ending is '…' unless given. A shorter text stays as it is.", Truncate),
        new("compare(a, b)", "-1, 0 or 1: how two texts or two numbers are ordered.", call => Value.Of(Math.Sign(call.Compare(call[0], call[1]))), "localeCompare"),
        new("equalsIgnoreCase(a, b)", "Whether two texts are the same but for capital and small letters.",
            call => Value.Of(string.Equals(call.Text(0), call.Text(1), StringComparison.OrdinalIgnoreCase))),
    ];

    private static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    private static string Camel(IEnumerable<string> words) => string.Concat(words.Select((word, i) => i == 0 ? word : Capital(word)));

    private static IEnumerable<string> Words(FunctionCall call) => SplitWords(call.Text(0)).Select(word => word.ToLowerInvariant());

    private static IEnumerable<string> SplitWords(string text)
    {
        var start = -1;
        for (var i = 0; i <= text.Length; i++)
        {
            var inWord = i < text.Length && char.IsLetterOrDigit(text[i]);
            // A capital after a small letter begins a word: orderTotal; so does the last of several capitals: HTTPServer.
            var humps = inWord && start >= 0 && i > start && char.IsUpper(text[i])
                && (char.IsLower(text[i - 1]) || char.IsDigit(text[i - 1]) || (i + 1 < text.Length && char.IsLower(text[i + 1])));
            if (start >= 0 && (!inWord || humps))
            {
                yield return text[start..i];
                start = -1;
            }
            if (inWord && start < 0)
                start = i;
        }
    }

    private static string Slug(FunctionCall call)
    {
        var slug = new StringBuilder();
        foreach (var c in Accents.TakenOff(call.Text(0)))
        {
            if (char.IsAsciiLetterOrDigit(c))
                slug.Append(char.ToLowerInvariant(c));
            else if (slug.Length > 0 && slug[^1] != '-')
                slug.Append('-');
        }
        return slug.ToString().TrimEnd('-');
    }

    private static int Clamped(FunctionCall call, int index) => (int)Math.Clamp(call.Integer(index), 0, call.Text(0).Length);

    private static Value Substring(FunctionCall call)
    {
        var text = call.Text(0);
        var start = Clamped(call, 1);
        var end = call.Has(2) ? Clamped(call, 2) : text.Length;
        return call.Result(start < end ? text[start..end] : "");
    }

    private static Value CharAt(FunctionCall call)
    {
        var (text, at) = (call.Text(0), call.Integer(1));
        return at >= 0 && at < text.Length ? Value.Of(text[(int)at].ToString()) : Value.EmptyText;
    }

    private static Value CodePoint(FunctionCall call)
    {
        var text = call.Text(0);
        return text.Length == 0 ? Value.Null : Value.Of(Rune.TryGetRuneAt(text, 0, out var rune) ? rune.Value : text[0]);
    }

    private static Value FromCodePoint(FunctionCall call)
    {
        var text = new StringBuilder();
        for (var i = 0; i < call.Count; i++)
        {
            var number = call.Integer(i, 0, 0x10FFFF);
            text.Append(Rune.IsValid(number) ? new Rune(number).ToString() : throw call.Fail($"{number} is not a Unicode character"));
        }
        return call.Result(text.ToString());
    }

    private static Value ReplaceFirst(FunctionCall call)
    {
        var (text, search, replacement) = (call.Text(0), call.Text(1), call.Text(2));
        var at = text.IndexOf(search, StringComparison.Ordinal);
        if (at < 0)
            return call[0];
        call.Context.Text((long)text.Length + replacement.Length);
        return Value.Of(string.Concat(text.AsSpan(0, at), replacement, text.AsSpan(at + search.Length)));
    }

    private static Value ReplaceAll(FunctionCall call)
    {
        var (text, search, replacement) = (call.Text(0), call.Text(1), call.Text(2));
        if (search.Length == 0)
            throw call.Fail("the text to search for is empty");
        call.Context.Text(text.Length + (long)Places(text, search) * Math.Max(0, replacement.Length - search.Length));
        return Value.Of(text.Replace(search, replacement, StringComparison.Ordinal));
    }

    private static int Places(string text, string search) => text.AsSpan().Count(search);

    private static Value Split(FunctionCall call)
    {
        var (text, separator) = (call.Text(0), call.Text(1));
        var most = call.Integer(2, long.MaxValue);
        call.Context.Items(separator.Length == 0 ? text.Length : Places(text, separator) + 1);
        var parts = separator.Length == 0 ? text.Select(c => c.ToString()) : text.Split(separator);
        return call.Result([.. parts.Take((int)Math.Clamp(most, 0, int.MaxValue)).Select(Value.Of)]);
    }

    private static Value Lines(FunctionCall call)
    {
        var text = call.Text(0);
        call.Context.Items(text.AsSpan().Count('\n') + 1);
        return call.Result([.. text.Split('\n').Select(line => Value.Of(line.TrimEnd('\r')))]);
    }

    private static Value Pad(FunctionCall call, bool atStart)
    {
        var (text, length, fill) = (call.Text(0), call.Integer(1), call.Text(2, " "));
        if (fill.Length == 0 || length <= text.Length)
            return call[0];
        call.Context.Text(length);
        var padding = new StringBuilder((int)length);
        while (padding.Length < length - text.Length)
            padding.Append(fill, 0, (int)Math.Min(fill.Length, length - text.Length - padding.Length));
        return Value.Of(atStart ? padding + text : text + padding);
    }

    private static Value Repeat(FunctionCall call)
    {
        var (text, count) = (call.Text(0), call.Integer(1, 0, int.MaxValue));
        call.Context.Text((long)text.Length * count);
        return Value.Of(text.Length == 0 ? "" : new StringBuilder(text.Length * count).Insert(0, text, count).ToString());
    }

    private static Value Truncate(FunctionCall call)
    {
        var (text, length, ending) = (call.Text(0), call.Integer(1, 0, int.MaxValue), call.Text(2, "…"));
        if (text.Length <= length)
            return call[0];
        return call.Result(ending.Length >= length ? ending[..length] : text[..(length - ending.Length)] + ending);
    }
}
