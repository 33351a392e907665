namespace Flows.Contracts.Definitions;

/// <summary>JSON paths as messages show them: <c>$.steps[2].input['content-type']</c>.</summary>
public static class FieldPath
{
    public static string Of(string parent, string property) =>
        IsPlain(property) ? $"{parent}.{property}" : $"{parent}['{property.Replace("'", "\\'", StringComparison.Ordinal)}']";

    public static string Of(string parent, int index) => $"{parent}[{index}]";

    private static bool IsPlain(string property)
    {
        if (property.Length == 0 || char.IsAsciiDigit(property[0]))
            return false;
        foreach (var c in property)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
                return false;
        }
        return true;
    }
}
