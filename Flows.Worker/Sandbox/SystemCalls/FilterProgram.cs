using System.Buffers.Binary;

namespace Flows.Worker.Sandbox.SystemCalls;

/// <summary>One instruction of the kernel's classic packet filter machine.</summary>
internal readonly record struct FilterInstruction(ushort Code, byte IfTrue, byte IfFalse, uint Value);

/// <summary>
/// Makes a list of system calls into a program for the kernel (seccomp, mode 2). The program sees, for each call, its number at 0, the architecture
/// at 4, and six arguments of 64 bits from 16 on. It finds the call by halving the numbers, so that no call is far; the kernel remembers which ones
/// are always let through and does not run it for them.
/// </summary>
internal static class FilterProgram
{
    public const ushort Load = 0x20, And = 0x54, Jump = 0x05, IfEqual = 0x15, IfAtLeast = 0x35, Return = 0x06;
    public const uint Allow = 0x7FFF_0000, Kill = 0x8000_0000, Fail = 0x0005_0000;
    public const int NumberAt = 0, ArchitectureAt = 4, ArgumentsAt = 16;
    private const uint X32Bit = 0x4000_0000;
    private const int MostInstructions = 4096; // the kernel's own limit

    public static IReadOnlyList<FilterInstruction> Compile(SystemCallList list)
    {
        List<FilterInstruction> program =
        [
            new(Load, 0, 0, ArchitectureAt),
            new(IfEqual, 1, 0, list.Architecture),
            new(Return, 0, 0, Kill),
            new(Load, 0, 0, NumberAt),
        ];
        // -1 stands for "no call" when a debugger has skipped it; it is above the bit as well, and no program may be its own debugger here.
        if (list.HasX32)
            program.AddRange([new(IfAtLeast, 0, 1, X32Bit), new(Return, 0, 0, Kill)]);
        var spans = Spans(list.Calls);
        program.AddRange(Search(spans, 0, spans.Count));
        return program.Count <= MostInstructions ? program : throw new InvalidOperationException($"The filter has {program.Count} instructions; the kernel takes {MostInstructions}.");
    }

    /// <summary>As the kernel reads it, for this machine's byte order (both architectures are little-endian).</summary>
    public static byte[] ToBytes(IReadOnlyList<FilterInstruction> program)
    {
        var bytes = new byte[program.Count * 8];
        for (var i = 0; i < program.Count; i++)
        {
            var at = bytes.AsSpan(i * 8, 8);
            BinaryPrimitives.WriteUInt16LittleEndian(at, program[i].Code);
            at[2] = program[i].IfTrue;
            at[3] = program[i].IfFalse;
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], program[i].Value);
        }
        return bytes;
    }

    // All numbers, cut where the verdict changes: from a span's first number to before the next one's.
    private static List<(uint First, FilterInstruction[] Verdict)> Spans(IReadOnlyList<SystemCall> calls)
    {
        var unknown = new[] { Refuse(SystemCallList.NotThere) };
        List<(uint First, FilterInstruction[] Verdict)> spans = [(0, unknown)];
        foreach (var call in calls)
        {
            Set(spans, (uint)call.Number, Verdict(call));
            Set(spans, (uint)call.Number + 1, unknown);
        }
        for (var i = spans.Count - 1; i > 0; i--)
        {
            if (spans[i].Verdict.AsSpan().SequenceEqual(spans[i - 1].Verdict))
                spans.RemoveAt(i);
        }
        return spans;
    }

    private static void Set(List<(uint First, FilterInstruction[] Verdict)> spans, uint first, FilterInstruction[] verdict)
    {
        if (spans[^1].First == first)
            spans.RemoveAt(spans.Count - 1);
        spans.Add((first, verdict));
    }

    // The lower half follows the question, the upper half follows the lower one. A conditional jump reaches 255 instructions; a longer way needs a plain one.
    private static List<FilterInstruction> Search(List<(uint First, FilterInstruction[] Verdict)> spans, int from, int to)
    {
        if (to - from == 1)
            return [.. spans[from].Verdict];
        var middle = (from + to) / 2;
        var lower = Search(spans, from, middle);
        var first = spans[middle].First;
        List<FilterInstruction> program = lower.Count <= byte.MaxValue
            ? [new(IfAtLeast, (byte)lower.Count, 0, first)]
            : [new(IfAtLeast, 0, 1, first), new(Jump, 0, 0, (uint)lower.Count)];
        program.AddRange(lower);
        program.AddRange(Search(spans, middle, to));
        return program;
    }

    private static FilterInstruction[] Verdict(SystemCall call)
    {
        var allow = new FilterInstruction(Return, 0, 0, Allow);
        if (call.Error is not { } error)
            return [allow];
        if (call.Rule is not { } rule)
            return [Refuse(error)];
        List<FilterInstruction> program = [new(Load, 0, 0, (uint)(ArgumentsAt + (8 * rule.Argument)))];
        if (rule.Mask != uint.MaxValue)
            program.Add(new(And, 0, 0, rule.Mask));
        // Behind the questions: what no value leads to, then what a value leads to.
        for (var i = 0; i < rule.Values.Count; i++)
            program.Add(new(IfEqual, (byte)(rule.Values.Count - i), 0, rule.Values[i]));
        program.AddRange(rule.IsOneOf ? [Refuse(error), allow] : [allow, Refuse(error)]);
        return [.. program];
    }

    private static FilterInstruction Refuse(int error) => new(Return, 0, 0, Fail | (uint)error);
}
