namespace Flows.Engine.Expressions;

/// <summary>Every one gives a new list: no value is ever changed.</summary>
internal static class ListFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("map(list, item => value)", "What the arrow function makes of each item. It is given the position too, as in (item, index) => index.", Map),
        new("filter(list, item => test)", "The items for which the test holds.", call => call.Result(Matching(call, wanted: true))),
        new("reject(list, item => test)", "The items for which the test does not hold.", call => call.Result(Matching(call, wanted: false))),
        new("reduce(list, (sum, item) => sum, start?)", "One value, made by going through the items; without a start the first item is it.", Reduce),
        new("find(list, item => test)", "The first item for which the test holds, or null.", call => First(call) is var i and >= 0 ? call.List(0)[i] : Value.Null),
        new("findIndex(list, item => test)", "The position of that item, or -1.", call => Value.Of(First(call))),
        new("findLast(list, item => test)", "The last item for which the test holds, or null.", FindLast),
        new("some(list, item => test)", "Whether the test holds for any item.", call => Value.Of(First(call) >= 0), "any"),
        new("every(list, item => test)", "Whether the test holds for all items; true for an empty list.", Every, "all"),
        new("count(list, item => test?)", "How many items there are, or how many the test holds for.",
            call => Value.Of(call.Has(1) ? Matching(call, wanted: true).Count : call.List(0).Count)),
        new("first(list, count?)", "The first item, or null; with a count a list of the first ones.", call => End(call, fromStart: true), "take"),
        new("last(list, count?)", "The last item, or null; with a count a list of the last ones.", call => End(call, fromStart: false)),
        new("drop(list, count)", "Without the first items.", call => call.Result([.. call.List(0).Skip(call.Integer(1, 0, int.MaxValue))])),
        new("append(list, ...items)", "With items added at the end.", call => call.Result([.. call.List(0), .. call.From(1)]), "push"),
        new("prepend(list, ...items)", "With items added at the start.", call => call.Result([.. call.From(1), .. call.List(0)]), "unshift"),
        new("insert(list, position, ...items)", "With items put in at a position.", Insert),
        new("with(list, position, item)", "With the item at a position replaced; -1 is the last.", With),
        new("without(list, ...items)", "Without the items equal to one of these.", Without),
        new("compact(list)", "Without null, '' and other empty items.", call => call.Result([.. call.List(0).Where(item => !SequenceFunctions.IsEmpty(item))])),
        new("flatten(list, depth?)", "Lists within the list replaced by their items; one level deep unless a depth is given.", Flatten, "flat"),
        new("flatMap(list, item => list)", "What map gives, with lists replaced by their items.", FlatMap),
        new("chunk(list, size)", "Lists of that many items; the last one has the rest.", Chunk),
        new("zip(...lists)", "Lists of the first items, the second items and so on, as many as the shortest list has.", Zip),
        new("join(list, separator?)", "The items as one text; separated by ',' unless given.", Join),
        new("range(start, end?, step?)", "The whole numbers from start up to, not including, end. range(n) starts at 0.", Range),
        new("fill(count, value)", "A list of one value several times.", Fill),
        new("cartesian(a, b)", "Every pair of an item of one list and an item of the other.", Cartesian),
    ];

    private static Value Map(FunctionCall call)
    {
        var (list, each) = (call.List(0), call.Each(1));
        var result = new List<Value>(list.Count);
        for (var i = 0; i < list.Count; i++)
            result.Add(each(list[i], Value.Of(i)));
        return call.Result(result);
    }

    private static List<Value> Matching(FunctionCall call, bool wanted)
    {
        var (list, test) = (call.List(0), call.Each(1));
        var result = new List<Value>();
        for (var i = 0; i < list.Count; i++)
        {
            if (test(list[i], Value.Of(i)).IsTruthy == wanted)
                result.Add(list[i]);
        }
        return result;
    }

    private static Value Reduce(FunctionCall call)
    {
        var (list, step) = (call.List(0), call.Arrow(1));
        var hasStart = call.Count > 2;
        if (!hasStart && list.Count == 0)
            throw call.Fail("the list is empty and there is no start value; give one as the 3rd argument");
        var sum = hasStart ? call[2] : list[0];
        for (var i = hasStart ? 0 : 1; i < list.Count; i++)
            sum = call.Invoke(step, sum, list[i], Value.Of(i));
        return sum;
    }

    private static int First(FunctionCall call)
    {
        var (list, test) = (call.List(0), call.Each(1));
        for (var i = 0; i < list.Count; i++)
        {
            if (test(list[i], Value.Of(i)).IsTruthy)
                return i;
        }
        return -1;
    }

    private static Value FindLast(FunctionCall call)
    {
        var (list, test) = (call.List(0), call.Each(1));
        for (var i = list.Count - 1; i >= 0; i--)
        {
            if (test(list[i], Value.Of(i)).IsTruthy)
                return list[i];
        }
        return Value.Null;
    }

    private static Value Every(FunctionCall call)
    {
        var (list, test) = (call.List(0), call.Each(1));
        for (var i = 0; i < list.Count; i++)
        {
            if (!test(list[i], Value.Of(i)).IsTruthy)
                return Value.False;
        }
        return Value.True;
    }

    private static Value End(FunctionCall call, bool fromStart)
    {
        var list = call.List(0);
        if (!call.Has(1))
            return list.Count == 0 ? Value.Null : list[fromStart ? 0 : list.Count - 1];
        var count = Math.Min(list.Count, call.Integer(1, 0, int.MaxValue));
        return call.Result([.. fromStart ? list.Span[..count] : list.Span[^count..]]);
    }

    private static Value Insert(FunctionCall call)
    {
        var items = call.List(0).ToList();
        items.InsertRange((int)Math.Clamp(call.Integer(1) < 0 ? call.Integer(1) + items.Count : call.Integer(1), 0, items.Count), call.From(2));
        return call.Result(items);
    }

    private static Value With(FunctionCall call)
    {
        var items = call.List(0).ToList();
        var at = call.Integer(1) < 0 ? call.Integer(1) + items.Count : call.Integer(1);
        if (at < 0 || at >= items.Count)
            throw call.Fail($"the list has {items.Count} items and no position {call.Integer(1)}");
        items[(int)at] = call[2];
        return call.Result(items);
    }

    private static Value Without(FunctionCall call)
    {
        var unwanted = call.From(1).ToHashSet();
        return call.Result([.. call.List(0).Where(item => !unwanted.Contains(item))]);
    }

    private static Value Flatten(FunctionCall call)
    {
        var result = new List<Value>();
        Add(call.List(0), call.Has(1) ? call.Integer(1, 0, Value.MaxDepth) : 1);
        return call.Result(result);

        void Add(ValueList list, int depth)
        {
            call.Room(result.Count + (long)list.Count);
            call.Context.Step(list.Count);
            foreach (var item in list)
            {
                if (item.Kind == ValueKind.List && depth > 0)
                    Add(item.AsList, depth - 1);
                else
                    result.Add(item);
            }
        }
    }

    private static Value FlatMap(FunctionCall call)
    {
        var (list, each) = (call.List(0), call.Each(1));
        var result = new List<Value>();
        for (var i = 0; i < list.Count; i++)
        {
            var value = each(list[i], Value.Of(i));
            if (value.Kind != ValueKind.List)
            {
                result.Add(value);
                continue;
            }
            call.Room(result.Count + (long)value.AsList.Count);
            result.AddRange(value.AsList.Span);
        }
        return call.Result(result);
    }

    private static Value Chunk(FunctionCall call)
    {
        var size = call.Integer(1, 1, int.MaxValue);
        return call.Result([.. call.List(0).Chunk(size).Select(items => Value.Of(new ValueList(items)))]);
    }

    private static Value Zip(FunctionCall call)
    {
        var lists = Enumerable.Range(0, call.Count).Select(call.List).ToArray();
        var count = lists.Length == 0 ? 0 : lists.Min(list => list.Count);
        call.Context.Items((long)count * lists.Length);
        return call.Result([.. Enumerable.Range(0, count).Select(i => Value.Of(new ValueList(Array.ConvertAll(lists, list => list[i]))))]);
    }

    private static Value Join(FunctionCall call)
    {
        var (list, separator) = (call.List(0), call.Text(1, ","));
        var length = (long)separator.Length * Math.Max(0, list.Count - 1);
        var texts = new string[list.Count];
        for (var i = 0; i < texts.Length; i++)
        {
            if (list[i].IsNull)
                throw call.Fail($"the item at position {i} is null; leave it out with compact(list), or give a default with map(item => item ?? '')");
            texts[i] = call.InText(list[i]);
            length += texts[i].Length;
        }
        call.Context.Text(length);
        return Value.Of(string.Join(separator, texts));
    }

    private static Value Range(FunctionCall call)
    {
        var (start, end) = call.Has(1) ? (call.Integer(0), call.Integer(1)) : (0, call.Integer(0));
        var step = call.Integer(2, 1);
        if (step == 0)
            throw call.Fail("the step is 0");
        var span = step > 0 ? (Int128)end - start : (Int128)start - end;
        var count = span <= 0 ? 0 : (span + Int128.Abs(step) - 1) / Int128.Abs(step);
        call.Context.Items(count > long.MaxValue ? long.MaxValue : (long)count);
        return call.Result([.. Enumerable.Range(0, (int)count).Select(i => Value.Of(start + i * step))]);
    }

    private static Value Fill(FunctionCall call)
    {
        var count = call.Integer(0, 0, int.MaxValue);
        call.Context.Items(count);
        return call.Result([.. Enumerable.Repeat(call[1], count)]);
    }

    private static Value Cartesian(FunctionCall call)
    {
        var (a, b) = (call.List(0), call.List(1));
        call.Context.Items((long)a.Count * b.Count * 3);
        return call.Result([.. a.SelectMany(_ => b, (x, y) => Value.Of(new ValueList([x, y])))]);
    }
}
