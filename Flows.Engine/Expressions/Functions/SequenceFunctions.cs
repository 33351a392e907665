namespace Flows.Engine.Expressions;

/// <summary>The functions that JavaScript gives both to texts and to lists, and those for any value.</summary>
internal static class SequenceFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("length(value)", "How many characters a text, items a list, or properties an object has.", call => Value.Of(Length(call)), "size"),
        new("slice(value, start?, end?)", "Part of a text or list, up to, not including, end. Negative positions count from the end.", Slice),
        new("at(value, position)", "The character or item at a position from 0; -1 is the last. Null beyond the ends.", At),
        new("includes(value, part)", "Whether a text holds a text, or a list an item equal to it.", Includes, "contains"),
        new("indexOf(value, part)", "The first position of a text in a text or an item in a list; -1 when there is none.", call => Value.Of(IndexOf(call, last: false))),
        new("lastIndexOf(value, part)", "The last position of a text in a text or an item in a list; -1 when there is none.", call => Value.Of(IndexOf(call, last: true))),
        new("concat(...values)", "Lists joined into one list (a value that is no list becomes an item), or texts joined into one text.", Concat),
        new("reverse(value)", "A list or text from its end to its start.", Reverse, "toReversed"),
        new("isEmpty(value)", "True for null, '', a text of white space, [] and {}.", call => Value.Of(IsEmpty(call[0]))),
        new("isNotEmpty(value)", "The opposite of isEmpty.", call => Value.Of(!IsEmpty(call[0]))),
    ];

    public static bool IsEmpty(Value value) => value.Kind switch
    {
        ValueKind.Null => true,
        ValueKind.Text => string.IsNullOrWhiteSpace(value.AsText),
        ValueKind.List => value.AsList.Count == 0,
        ValueKind.Object => value.AsObject.Count == 0,
        _ => false,
    };

    private static int Length(FunctionCall call) => call[0].Kind switch
    {
        ValueKind.Text => call[0].AsText.Length,
        ValueKind.List => call[0].AsList.Count,
        ValueKind.Object => call[0].AsObject.Count,
        _ => throw call.Wrong(0, "a text, list or object"),
    };

    private static int TextOrListLength(FunctionCall call) =>
        call[0].Kind is ValueKind.Text or ValueKind.List ? Length(call) : throw call.Wrong(0, "a text or list");

    private static Value Slice(FunctionCall call)
    {
        var length = TextOrListLength(call);
        var (start, end) = (Position(call.Integer(1, 0), length), Position(call.Integer(2, length), length));
        end = Math.Max(start, end);
        return call[0].IsText ? call.Result(call[0].AsText[start..end]) : call.Result([.. call[0].AsList.Span[start..end]]);
    }

    private static int Position(long at, int length) => (int)Math.Clamp(at < 0 ? at + length : at, 0, length);

    private static Value At(FunctionCall call)
    {
        var (length, at) = (TextOrListLength(call), call.Integer(1));
        at = at < 0 ? at + length : at;
        if (at < 0 || at >= length)
            return Value.Null;
        return call[0].IsText ? Value.Of(call[0].AsText[(int)at].ToString()) : call[0].AsList[(int)at];
    }

    private static Value Includes(FunctionCall call)
    {
        TextOrListLength(call);
        return Value.Of(call[0].IsText ? call[0].AsText.Contains(call.Text(1), StringComparison.Ordinal) : IndexOf(call, last: false) >= 0);
    }

    private static int IndexOf(FunctionCall call, bool last)
    {
        TextOrListLength(call);
        if (call[0].IsText)
        {
            var part = call.Text(1);
            return last ? call[0].AsText.LastIndexOf(part, StringComparison.Ordinal) : call[0].AsText.IndexOf(part, StringComparison.Ordinal);
        }
        var items = call[0].AsList.Span;
        call.Context.Step(items.Length);
        return last ? items.LastIndexOf(call[1]) : items.IndexOf(call[1]);
    }

    private static Value Concat(FunctionCall call)
    {
        if (call.Count > 0 && call[0].IsText)
        {
            var texts = Enumerable.Range(0, call.Count).Select(i => call.InText(call[i])).ToArray();
            call.Context.Text(texts.Sum(text => (long)text.Length));
            return Value.Of(string.Concat(texts));
        }
        var items = new List<Value>();
        for (var i = 0; i < call.Count; i++)
        {
            if (call[i].Kind == ValueKind.List)
            {
                call.Room(items.Count + (long)call[i].AsList.Count);
                items.AddRange(call[i].AsList.Span);
            }
            else
                items.Add(call[i]);
        }
        return call.Result(items);
    }

    private static Value Reverse(FunctionCall call)
    {
        TextOrListLength(call);
        if (call[0].IsText)
        {
            var characters = call[0].AsText.ToCharArray();
            Array.Reverse(characters);
            return call.Result(new string(characters));
        }
        var items = call[0].AsList.ToList();
        items.Reverse();
        return call.Result(items);
    }
}
