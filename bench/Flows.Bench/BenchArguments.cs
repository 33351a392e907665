namespace Flows.Bench;

/// <summary>What stands behind the name of a benchmark: numbers by their place, <c>--keep</c>, which writes the result under bench/results, and <c>--browser</c>.</summary>
internal sealed class BenchArguments(IEnumerable<string> arguments)
{
    private readonly string[] _values = [.. arguments.Where(argument => !argument.StartsWith("--", StringComparison.Ordinal))];

    public bool Keep { get; } = arguments.Contains("--keep");
    public bool Browser { get; } = arguments.Contains("--browser");

    /// <exception cref="BenchException">It is no number, or out of range.</exception>
    public int Number(int place, string name, int otherwise, int least, int most)
    {
        if (place >= _values.Length)
            return otherwise;
        return int.TryParse(_values[place], out var number) && number >= least && number <= most
            ? number
            : throw new BenchException($"{name} must be a number from {least} to {most}, not '{_values[place]}'.");
    }
}

/// <summary>A benchmark that cannot be run as it was asked for.</summary>
internal sealed class BenchException(string message) : Exception(message);
