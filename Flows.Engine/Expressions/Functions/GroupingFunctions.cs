namespace Flows.Engine.Expressions;

/// <summary>Sorting, grouping, sets and sums of lists. A key is an arrow function or the name of a property.</summary>
internal static class GroupingFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("sort(list, (a, b) => order?)", "In rising order: numbers by size, texts by character, null last. An arrow function may tell the order: below 0 when a comes first.", Sort, "toSorted"),
        new("sortBy(list, item => key, direction?)", "Sorted by a key of each item; direction is 'asc' or 'desc'. Items with equal keys keep their order.", SortBy),
        new("groupBy(list, item => key)", "An object: for each key the list of its items.", GroupBy, "Object.groupBy"),
        new("countBy(list, item => key)", "An object: for each key the number of its items.", CountBy),
        new("keyBy(list, item => key)", "An object: for each key its item, the last one when there are several.", KeyBy),
        new("partition(list, item => test)", "Two lists: the items for which the test holds, and the others.", Partition),
        new("unique(list, item => key?)", "Each item once, or the first item for each key.", Unique, "distinct"),
        new("duplicates(list, item => key?)", "The items that are there already, by value or key.", Duplicates),
        new("union(...lists)", "The items of all lists, each once.", call => call.Result([.. Lists(call).SelectMany(list => list).Distinct()])),
        new("intersection(a, b)", "The items that both lists have.", call => Both(call, wanted: true)),
        new("difference(a, b)", "The items of the first list that the second has not.", call => Both(call, wanted: false)),
        new("sum(list, item => number?)", "The numbers added up; 0 for an empty list.", Sum),
        new("average(list, item => number?)", "Their mean; null for an empty list.", Average, "mean"),
        new("median(list, item => number?)", "The one in the middle, or the mean of the two; null for an empty list.", Median),
        new("min(...values)", "The smallest number, or the first text, of the values or of one list; null for an empty list.", call => Extreme(call, -1), "Math.min"),
        new("max(...values)", "The largest number, or the last text, of the values or of one list; null for an empty list.", call => Extreme(call, 1), "Math.max"),
        new("minBy(list, item => key)", "The item with the smallest key; null for an empty list.", call => ExtremeBy(call, -1)),
        new("maxBy(list, item => key)", "The item with the largest key; null for an empty list.", call => ExtremeBy(call, 1)),
    ];

    private static Value Sort(FunctionCall call)
    {
        var items = call.List(0).ToArray();
        Func<Value, Value, int> order = Natural(call);
        if (call.Has(1))
        {
            var arrow = call.Arrow(1);
            order = (a, b) =>
            {
                var result = call.Invoke(arrow, a, b);
                return result.IsNumber ? Math.Sign(result.AsDouble) : throw call.Fail($"the arrow function has to give a number, such as a.price - b.price; found {call.Show(result)}");
            };
        }
        return call.Result([.. Sorting.Stable(items, order)]);
    }

    private static Value SortBy(FunctionCall call)
    {
        var (list, key) = (call.List(0), call.Each(1));
        var direction = call.Text(2, "asc") switch { "asc" => 1, "desc" => -1, _ => throw call.Wrong(2, "'asc' or 'desc'") };
        var order = Natural(call);
        var keyed = list.Select((item, i) => (Key: key(item, Value.Of(i)), Item: item)).ToArray();
        // Null is last in either direction: it is missing, and not small.
        return call.Result([.. Sorting.Stable(keyed, (a, b) => a.Key.IsNull || b.Key.IsNull ? order(a.Key, b.Key) : direction * order(a.Key, b.Key)).Select(pair => pair.Item)]);
    }

    private static Func<Value, Value, int> Natural(FunctionCall call) => (a, b) =>
    {
        call.Context.Step();
        return a.IsNull || b.IsNull ? a.IsNull.CompareTo(b.IsNull) : call.Compare(a, b);
    };

    private static Value GroupBy(FunctionCall call)
    {
        var groups = new ValueObject.Builder();
        foreach (var (key, items) in Groups(call))
            groups.Set(key, call.Result(items));
        return call.Result(groups);
    }

    private static Value CountBy(FunctionCall call)
    {
        var groups = new ValueObject.Builder();
        foreach (var (key, items) in Groups(call))
            groups.Set(key, Value.Of(items.Count));
        return call.Result(groups);
    }

    private static Value KeyBy(FunctionCall call)
    {
        var groups = new ValueObject.Builder();
        foreach (var (key, items) in Groups(call))
            groups.Set(key, items[^1]);
        return call.Result(groups);
    }

    private static OrderedDictionary<string, List<Value>> Groups(FunctionCall call)
    {
        var (list, key) = (call.List(0), call.Each(1));
        var groups = new OrderedDictionary<string, List<Value>>(StringComparer.Ordinal);
        for (var i = 0; i < list.Count; i++)
        {
            var of = key(list[i], Value.Of(i));
            if (of.Kind is ValueKind.List or ValueKind.Object)
                throw call.Fail($"a key is text, a number, true, false or null; found {call.Show(of)}");
            var name = of.ToString();
            if (!groups.TryGetValue(name, out var items))
                groups[name] = items = [];
            items.Add(list[i]);
        }
        return groups;
    }

    private static Value Partition(FunctionCall call)
    {
        var (list, test) = (call.List(0), call.Each(1));
        var (yes, no) = (new List<Value>(), new List<Value>());
        for (var i = 0; i < list.Count; i++)
            (test(list[i], Value.Of(i)).IsTruthy ? yes : no).Add(list[i]);
        return call.Result([call.Result(yes), call.Result(no)]);
    }

    private static IEnumerable<(Value Item, bool IsFirst)> Marked(FunctionCall call)
    {
        var list = call.List(0);
        Func<Value, Value, Value> key = call.Has(1) ? call.Each(1) : (item, _) => item;
        var seen = new HashSet<Value>();
        for (var i = 0; i < list.Count; i++)
        {
            call.Context.Step();
            yield return (list[i], seen.Add(key(list[i], Value.Of(i))));
        }
    }

    private static Value Unique(FunctionCall call) => call.Result([.. Marked(call).Where(item => item.IsFirst).Select(item => item.Item)]);

    private static Value Duplicates(FunctionCall call) => call.Result([.. Marked(call).Where(item => !item.IsFirst).Select(item => item.Item)]);

    private static ValueList[] Lists(FunctionCall call)
    {
        var lists = Enumerable.Range(0, call.Count).Select(call.List).ToArray();
        call.Context.Items(lists.Sum(list => (long)list.Count));
        return lists;
    }

    private static Value Both(FunctionCall call, bool wanted)
    {
        var second = call.List(1).ToHashSet();
        return call.Result([.. call.List(0).Where(item => second.Contains(item) == wanted).Distinct()]);
    }

    private static Value[] Numbers(FunctionCall call)
    {
        var list = call.List(0);
        Func<Value, Value, Value> each = call.Has(1) ? call.Each(1) : (item, _) => item;
        var numbers = new Value[list.Count];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = each(list[i], Value.Of(i));
            if (!numbers[i].IsNumber)
                throw call.Fail($"the items have to be numbers; found {call.Show(numbers[i])} at position {i}{Operators.NumberHint(numbers[i])}");
        }
        call.Context.Step(numbers.Length);
        return numbers;
    }

    private static Value Sum(FunctionCall call) => Numbers(call).Aggregate(Value.Of(0L), Operators.Add);

    private static Value Average(FunctionCall call)
    {
        var numbers = Numbers(call);
        return numbers.Length == 0 ? Value.Null : Value.Of(numbers.Aggregate(Value.Of(0L), Operators.Add).AsDouble / numbers.Length);
    }

    private static Value Median(FunctionCall call)
    {
        var numbers = Numbers(call);
        if (numbers.Length == 0)
            return Value.Null;
        Array.Sort(numbers, Operators.CompareNumbers);
        var middle = numbers.Length / 2;
        return numbers.Length % 2 == 1 ? numbers[middle] : Value.Of((numbers[middle - 1].AsDouble + numbers[middle].AsDouble) / 2);
    }

    private static Value Extreme(FunctionCall call, int direction)
    {
        var values = call.Count == 1 && call[0].Kind == ValueKind.List ? call.List(0) : call.From(0);
        var best = Value.Null;
        foreach (var value in values)
        {
            call.Context.Step();
            if (value.Kind is not (ValueKind.Number or ValueKind.Text))
                throw call.Fail($"expected numbers or texts, found {call.Show(value)}");
            if (best.IsNull || direction * call.Compare(value, best) > 0)
                best = value;
        }
        return best;
    }

    private static Value ExtremeBy(FunctionCall call, int direction)
    {
        var (list, key) = (call.List(0), call.Each(1));
        var (best, bestKey) = (Value.Null, Value.Null);
        for (var i = 0; i < list.Count; i++)
        {
            var of = key(list[i], Value.Of(i));
            if (!of.IsNull && (bestKey.IsNull || direction * call.Compare(of, bestKey) > 0))
                (best, bestKey) = (list[i], of);
        }
        return best;
    }
}

internal static class Sorting
{
    /// <summary>A merge sort: equal items keep their order, and an order that contradicts itself gives some order and no exception.</summary>
    public static T[] Stable<T>(T[] items, Func<T, T, int> order)
    {
        var (from, to) = (items, new T[items.Length]);
        for (var width = 1; width < items.Length && width > 0; width *= 2)
        {
            for (var start = 0; start < items.Length; start += 2 * width)
            {
                var middle = Math.Min(start + width, items.Length);
                var end = Math.Min(start + 2 * width, items.Length);
                var (left, right) = (start, middle);
                for (var i = start; i < end; i++)
                    to[i] = left < middle && (right >= end || order(from[left], from[right]) <= 0) ? from[left++] : from[right++];
            }
            (from, to) = (to, from);
        }
        return from;
    }
}
