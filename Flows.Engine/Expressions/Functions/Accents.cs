using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Flows.Engine.Expressions;

/// <summary>Latin letters without their accents, by a table of our own: the runtime is built without the tables of languages.</summary>
internal static class Accents
{
    private static readonly (string Plain, string Letters)[] s_letters =
    [
        ("A", "ÀÁÂÃÄÅĀĂĄ"),
        ("AE", "Æ"),
        ("C", "ÇĆĈĊČ"),
        ("D", "ÐĎĐ"),
        ("E", "ÈÉÊËĒĔĖĘĚ"),
        ("G", "ĜĞĠĢ"),
        ("H", "ĤĦ"),
        ("I", "ÌÍÎÏĨĪĬĮİ"),
        ("J", "Ĵ"),
        ("K", "Ķ"),
        ("L", "ĹĻĽŁ"),
        ("N", "ÑŃŅŇŊ"),
        ("O", "ÒÓÔÕÖØŌŎŐ"),
        ("OE", "Œ"),
        ("R", "ŔŖŘ"),
        ("S", "ŚŜŞŠȘ"),
        ("SS", "ẞ"),
        ("T", "ŢŤȚ"),
        ("Th", "Þ"),
        ("U", "ÙÚÛÜŨŪŬŮŰŲ"),
        ("W", "Ŵ"),
        ("Y", "ÝŶŸ"),
        ("Z", "ŹŻŽ"),
        ("a", "àáâãäåāăą"),
        ("ae", "æ"),
        ("c", "çćĉċč"),
        ("d", "ðďđ"),
        ("e", "èéêëēĕėęě"),
        ("g", "ĝğġģ"),
        ("h", "ĥħ"),
        ("i", "ìíîïĩīĭįı"),
        ("j", "ĵ"),
        ("k", "ķ"),
        ("l", "ĺļľł"),
        ("n", "ñńņňŋ"),
        ("o", "òóôõöøōŏő"),
        ("oe", "œ"),
        ("r", "ŕŗř"),
        ("s", "śŝşšș"),
        ("ss", "ß"),
        ("t", "ţťț"),
        ("th", "þ"),
        ("u", "ùúûüũūŭůűų"),
        ("w", "ŵ"),
        ("y", "ýÿŷ"),
        ("z", "źżž"),
    ];

    private static readonly FrozenDictionary<char, string> s_plain = s_letters
        .SelectMany(row => row.Letters.Select(letter => KeyValuePair.Create(letter, row.Plain)))
        .ToFrozenDictionary();

    public static string TakenOff(string text)
    {
        var plain = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (s_plain.TryGetValue(c, out var letters))
                plain.Append(letters);
            else if (CharUnicodeInfo.GetUnicodeCategory(c) != UnicodeCategory.NonSpacingMark)
                plain.Append(c);
        }
        return plain.ToString();
    }
}
