namespace Flows.Engine.Expressions;

internal delegate Value FunctionBody(FunctionCall call);

/// <summary>
/// One function of the library. The signature is the source of its name and of how many arguments it takes:
/// <c>slice(list, start, end?)</c>; <c>name?</c> may be left out, <c>...name</c> is any number, <c>item => value</c> is an arrow function.
/// </summary>
internal sealed class Function
{
    private readonly string[] _parameters;

    public Function(string signature, string help, FunctionBody body, params IReadOnlyList<string> aliases)
    {
        (Signature, Help, Body, Aliases) = (signature, help, body, aliases);
        var open = signature.IndexOf('(', StringComparison.Ordinal);
        Name = signature[..open];
        _parameters = SplitParameters(signature[(open + 1)..^1]);
        Most = _parameters.Length;
        foreach (var parameter in _parameters)
        {
            if (parameter.StartsWith("...", StringComparison.Ordinal))
                Most = int.MaxValue;
            else if (!parameter.EndsWith('?'))
                Least++;
        }
    }

    public string Name { get; }
    public string Signature { get; }
    public string Help { get; }
    public FunctionBody Body { get; }
    /// <summary>Other names for it, mostly JavaScript's.</summary>
    public IReadOnlyList<string> Aliases { get; }
    public string Group { get; private set; } = "";
    public int Least { get; }
    public int Most { get; }

    /// <summary>Sets the heading it stands under; done once, by the table.</summary>
    public Function In(string group)
    {
        Group = group;
        return this;
    }

    public bool TakesArrow(int argument) => argument < _parameters.Length && _parameters[argument].Contains("=>", StringComparison.Ordinal);

    public string WrongCount(int found) =>
        $"{Name}() takes {Count()}, found {found}: {Signature}";

    private string Count() =>
        Least == Most ? $"{Least} argument{(Least == 1 ? "" : "s")}"
        : Most == int.MaxValue ? $"{Least} or more arguments"
        : $"{Least} to {Most} arguments";

    // Commas inside the brackets of an arrow function's own parameters do not separate: reduce(list, (sum, item) => sum, start).
    private static string[] SplitParameters(string text)
    {
        var parameters = new List<string>();
        var (depth, start) = (0, 0);
        for (var i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && text[i] is '(' or '[')
                depth++;
            else if (i < text.Length && text[i] is ')' or ']')
                depth--;
            else if (i == text.Length || (text[i] == ',' && depth == 0))
            {
                if (text[start..i].Trim() is { Length: > 0 } parameter)
                    parameters.Add(parameter);
                start = i + 1;
            }
        }
        return [.. parameters];
    }
}
