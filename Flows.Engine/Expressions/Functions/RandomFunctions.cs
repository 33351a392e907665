namespace Flows.Engine.Expressions;

/// <summary>Chance that follows from the run and the step: when a step is done again, it comes out the same.</summary>
internal static class RandomFunctions
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    public static IReadOnlyList<Function> All { get; } =
    [
        new("uuid()", "A new id, such as 3f2b8c1e-….", Uuid),
        new("random()", "A number from 0 to below 1.", call => Value.Of(call.Context.Random.Fraction()), "Math.random"),
        new("randomInteger(least, most)", "A whole number from least to most, both included.", call => Value.Of(Integer(call, call.Integer(0), call.Integer(1)))),
        new("randomText(length, alphabet?)", "A text of letters and digits, or of the characters of an alphabet. Not for passwords: it can be computed from the run.", Text),
        new("sample(list)", "One of the items; null for an empty list.", call => call.List(0) is { Count: > 0 } list ? list[(int)Integer(call, 0, list.Count - 1)] : Value.Null),
        new("shuffle(list)", "The items in a random order.", Shuffle),
    ];

    private static Value Uuid(FunctionCall call)
    {
        Span<byte> bytes = stackalloc byte[16];
        call.Context.Random.Fill(bytes);
        // Version 4, variant 1 of RFC 9562.
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return Value.Of(new Guid(bytes, bigEndian: true).ToString());
    }

    private static long Integer(FunctionCall call, long least, long most)
    {
        if (least > most)
            throw call.Fail($"least is {least} and above most, {most}");
        Span<byte> bytes = stackalloc byte[16];
        call.Context.Random.Fill(bytes);
        // 128 random bits over at most 64 bits of range: what the remainder favours is too little to be seen.
        return (long)(least + (Int128)(BitConverter.ToUInt128(bytes) % (UInt128)((Int128)most - least + 1)));
    }

    private static Value Text(FunctionCall call)
    {
        var (length, alphabet) = (call.Integer(0, 0, 100_000), call.Text(1, Alphabet));
        if (alphabet.Length == 0)
            throw call.Fail("the alphabet is empty");
        call.Context.Text(length);
        call.Context.Step(length);
        return Value.Of(string.Create(length, (call, alphabet), static (text, state) =>
        {
            foreach (ref var c in text)
                c = state.alphabet[(int)Integer(state.call, 0, state.alphabet.Length - 1)];
        }));
    }

    private static Value Shuffle(FunctionCall call)
    {
        var items = call.List(0).ToList();
        for (var i = items.Count - 1; i > 0; i--)
        {
            call.Context.Step();
            var j = (int)Integer(call, 0, i);
            (items[i], items[j]) = (items[j], items[i]);
        }
        return call.Result(items);
    }
}
