using System.Globalization;
using System.Text;

namespace Flows.Engine.Expressions;

/// <summary>Reads JSON text that escapes half a surrogate pair or holds bytes that are not UTF-8: each becomes U+FFFD.</summary>
internal static class LoneSurrogates
{
    /// <param name="escaped">The bytes between the quotes, which the JSON reader has found to be well formed otherwise.</param>
    public static string Decode(ReadOnlySpan<byte> escaped)
    {
        var text = Encoding.UTF8.GetString(escaped);
        var value = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                value.Append(text[i]);
                continue;
            }
            i++;
            switch (text[i])
            {
                case 'n': value.Append('\n'); break;
                case 'r': value.Append('\r'); break;
                case 't': value.Append('\t'); break;
                case 'b': value.Append('\b'); break;
                case 'f': value.Append('\f'); break;
                case 'u':
                    value.Append((char)int.Parse(text.AsSpan(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                    i += 4;
                    break;
                default: value.Append(text[i]); break;
            }
        }
        return Repair(value.ToString());
    }

    /// <summary>The text with U+FFFD for each half of a pair that stands alone; the same string when there is none.</summary>
    public static string Repair(string text)
    {
        StringBuilder? repaired = null;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (!char.IsSurrogate(c))
                continue;
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else
                (repaired ??= new StringBuilder(text))[i] = '\uFFFD';
        }
        return repaired?.ToString() ?? text;
    }
}

/// <summary>Text as a JSON string, with everything but quotes, backslashes and control characters as it is.</summary>
internal static class JsonQuoted
{
    public static string Of(string text)
    {
        var quoted = new StringBuilder(text.Length + 16).Append('"');
        foreach (var c in LoneSurrogates.Repair(text))
        {
            if (c is '"' or '\\')
                quoted.Append('\\').Append(c);
            else if (c == '\n')
                quoted.Append("\\n");
            else if (c < ' ')
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }
}
