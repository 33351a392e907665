using System.Text;

namespace Flows.Api.Runs;

/// <summary>
/// Texts that errors are searched for. The index has three letters or digits in a row of each error: of a text that has no three in a row it can say
/// nothing, and every error of the project would be read.
/// </summary>
internal static class RunSearch
{
    public const int LeastInARow = 3;

    /// <summary>True when the index can be asked.</summary>
    public static bool HasWord(string text)
    {
        var inARow = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            inARow = Rune.IsLetterOrDigit(rune) ? inARow + 1 : 0;
            if (inARow == LeastInARow)
                return true;
        }
        return false;
    }
}
