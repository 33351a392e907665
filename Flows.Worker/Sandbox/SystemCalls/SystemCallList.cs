using System.Globalization;
using System.Runtime.InteropServices;

namespace Flows.Worker.Sandbox.SystemCalls;

/// <summary>What a system call may look like, by one of its arguments.</summary>
/// <param name="Argument">0 to 5.</param>
/// <param name="Mask">What of the argument's lower 32 bits is compared.</param>
/// <param name="IsOneOf">True: it goes to the kernel with one of the values; false: with any other.</param>
internal sealed record ArgumentRule(int Argument, uint Mask, IReadOnlyList<uint> Values, bool IsOneOf);

/// <param name="Number">The call's number on the list's architecture.</param>
/// <param name="Error">Null: it goes to the kernel, always or by the rule. Else the error that the program is told, always or where the rule does not let it through.</param>
internal sealed record SystemCall(string Name, int Number, int? Error, ArgumentRule? Rule);

/// <summary>The list in system-calls.txt, whose head describes it, for one architecture.</summary>
internal sealed class SystemCallList
{
    /// <summary>"This call does not exist": the C library and the runtimes have other ways then.</summary>
    public const int NotThere = 38;

    private static readonly Dictionary<string, int> s_errors = new() { ["EPERM"] = 1, ["ENOSYS"] = NotThere, ["EAFNOSUPPORT"] = 97 };

    private SystemCallList(uint architecture, bool hasX32, IReadOnlyList<SystemCall> calls) => (Architecture, HasX32, Calls) = (architecture, hasX32, calls);

    /// <summary>The kernel's AUDIT_ARCH_ number.</summary>
    public uint Architecture { get; }

    /// <summary>True where numbers with bit 30 are those of a second, 32-bit, table.</summary>
    public bool HasX32 { get; }

    /// <summary>By number, each once.</summary>
    public IReadOnlyList<SystemCall> Calls { get; }

    /// <summary>The list of this program for an architecture; null when it has no numbers for that one.</summary>
    public static SystemCallList? Load(Architecture architecture)
    {
        using var stream = typeof(SystemCallList).Assembly.GetManifestResourceStream("system-calls.txt")!;
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd(), architecture);
    }

    /// <exception cref="FormatException">A line cannot be read; the message has its number.</exception>
    public static SystemCallList? Parse(string text, Architecture architecture)
    {
        (int Column, uint Number)? known = architecture switch
        {
            System.Runtime.InteropServices.Architecture.X64 => (2, 0xC000003E),
            System.Runtime.InteropServices.Architecture.Arm64 => (3, 0xC00000B7),
            _ => null,
        };
        if (known is not var (column, number))
            return null;

        var calls = new SortedDictionary<int, SystemCall>();
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var words = lines[i].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (words.Length == 0 || words[0].StartsWith('#'))
                continue;
            try
            {
                if (ReadLine(words, column) is { } call && !calls.TryAdd(call.Number, call))
                    throw new FormatException($"the number {call.Number} is {calls[call.Number].Name}'s as well");
            }
            catch (FormatException error)
            {
                throw new FormatException($"system-calls.txt, line {i + 1}: {error.Message}.", error);
            }
        }
        return new SystemCallList(number, hasX32: column == 2, [.. calls.Values]);
    }

    private static SystemCall? ReadLine(string[] words, int column)
    {
        if (words.Length < 4)
            throw new FormatException("'allow' or 'deny', a name and two numbers were expected");
        var name = words[1];
        var rest = words[4..];
        var (error, rule) = (words[0], rest) switch
        {
            ("allow", []) => ((int?)null, (ArgumentRule?)null),
            ("allow", [.. var condition, "else", var otherwise]) => (Error(otherwise), Rule(condition)),
            ("deny", [var always]) => (Error(always), null),
            _ => throw new FormatException($"'{string.Join(' ', words)}' is neither an allowed nor a denied call"),
        };
        return words[column] == "-" ? null : new SystemCall(name, (int)Number(words[column]), error, rule);
    }

    // when arg0 & 0xF000 in 0 0x1000
    private static ArgumentRule Rule(string[] words)
    {
        var mask = uint.MaxValue;
        var at = 2;
        if (words is [_, _, "&", var bits, ..])
            (mask, at) = (Number(bits), 4);
        if (words.Length < at + 2 || words[at] != "in" || words[0] is not ("when" or "unless") || words[1] is not ['a', 'r', 'g', >= '0' and <= '5'])
            throw new FormatException($"'{string.Join(' ', words)}' is no condition such as 'when arg0 & 0xF in 1 2'");
        return new ArgumentRule(words[1][3] - '0', mask, [.. words[(at + 1)..].Select(Number)], words[0] == "when");
    }

    private static int Error(string name) => s_errors.TryGetValue(name, out var error) ? error : throw new FormatException($"'{name}' is not one of {string.Join(", ", s_errors.Keys)}");

    private static uint Number(string text) =>
        (text.StartsWith("0x", StringComparison.Ordinal)
            ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number))
            ? number
            : throw new FormatException($"'{text}' is no number");
}
