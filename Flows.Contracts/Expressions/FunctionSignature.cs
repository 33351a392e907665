namespace Flows.Contracts.Expressions;

/// <summary>
/// How a function is called, read from the text the documentation shows: <c>slice(list, start, end?)</c>. <c>name?</c> may be left
/// out, <c>...name</c> is any number, a parameter with <c>=></c> takes an arrow function.
/// </summary>
public sealed class FunctionSignature
{
    private readonly string[] _parameters;

    private FunctionSignature(string text)
    {
        Text = text;
        var open = text.IndexOf('(', StringComparison.Ordinal);
        Name = text[..open];
        _parameters = Split(text[(open + 1)..^1]);
        Most = _parameters.Length;
        foreach (var parameter in _parameters)
        {
            if (parameter.StartsWith("...", StringComparison.Ordinal))
                Most = int.MaxValue;
            else if (!parameter.EndsWith('?'))
                Least++;
        }
    }

    /// <exception cref="FormatException">The text has no brackets.</exception>
    public static FunctionSignature Parse(string text) =>
        text.Contains('(', StringComparison.Ordinal) && text.EndsWith(')') ? new(text) : throw new FormatException($"'{text}' is not a signature such as f(x).");

    public string Text { get; }
    public string Name { get; }
    public int Least { get; }
    public int Most { get; }

    public bool TakesArrow(int argument) => argument < _parameters.Length && _parameters[argument].Contains("=>", StringComparison.Ordinal);

    /// <summary>What is wrong with a call of this function, or null. A number of arguments that depends on a spread list is not judged.</summary>
    public string? Complaint(Call call)
    {
        var spreads = call.Arguments.Any(argument => argument is Spread);
        if (spreads && call.Arguments.Any(argument => argument is Arrow))
            return $"{Name}() cannot be given both '...' and an arrow function";
        if (!spreads && (call.Arguments.Count < Least || call.Arguments.Count > Most))
            return WrongCount(call.Arguments.Count);
        for (var i = 0; i < call.Arguments.Count; i++)
        {
            if (call.Arguments[i] is Arrow && !TakesArrow(i))
                return $"{Name}() takes no arrow function as its {Ordinal(i)} argument: {Text}";
        }
        return null;
    }

    public string WrongCount(int found)
    {
        var count = Least == Most ? $"{Least} argument{(Least == 1 ? "" : "s")}"
            : Most == int.MaxValue ? $"{Least} or more arguments"
            : $"{Least} to {Most} arguments";
        return $"{Name}() takes {count}, found {found}: {Text}";
    }

    public static string Ordinal(int index) => index switch { 0 => "1st", 1 => "2nd", 2 => "3rd", _ => $"{index + 1}th" };

    // Commas inside the brackets of an arrow function's own parameters do not separate: reduce(list, (sum, item) => sum, start).
    private static string[] Split(string text)
    {
        var parameters = new List<string>();
        var (depth, start) = (0, 0);
        for (var i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && text[i] is ('(' or '['))
                depth++;
            else if (i < text.Length && text[i] is (')' or ']'))
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
