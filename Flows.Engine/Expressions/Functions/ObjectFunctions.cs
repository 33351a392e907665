using System.Globalization;

namespace Flows.Engine.Expressions;

/// <summary>Every one gives a new object: no value is ever changed. A path is text such as <c>address.city</c> or <c>lines[0].sku</c>, or a list of keys and positions.</summary>
internal static class ObjectFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("keys(object)", "The names of its properties.", call => call.Result([.. call.Object(0).Keys.Select(Value.Of)]), "Object.keys"),
        new("values(object)", "The values of its properties.", call => call.Result([.. call.Object(0).Values]), "Object.values"),
        new("entries(object)", "A list of [name, value] for each property.", Entries, "Object.entries"),
        new("fromEntries(list)", "An object from a list of [name, value].", FromEntries, "Object.fromEntries"),
        new("has(object, path)", "Whether there is something at a path, null included.", call => Value.Of(Paths.TryGet(call[0], Paths.Of(call, 1), out _))),
        new("get(value, path, default?)", "What is at a path; the default, or null, when it is not there or null.", Get),
        new("set(object, path, value)", "With the value at a path replaced or added.", call => Paths.Set(call, call[0], Paths.Of(call, 1), 0, call[2])),
        new("unset(object, path)", "Without what is at a path.", call => Paths.Unset(call, call[0], Paths.Of(call, 1), 0)),
        new("pick(object, ...names)", "Only these properties. The names may be one list.", Pick),
        new("omit(object, ...names)", "Without these properties. The names may be one list.", Omit),
        new("merge(...objects)", "The properties of all; of a name that is there more than once the last value counts. Null counts as {}.", Merge, "Object.assign"),
        new("mergeDeep(...objects)", "The same, objects within objects merged too.", MergeDeep),
        new("rename(object, names)", "With properties renamed: names is { old: 'new' }.", Rename),
        new("mapValues(object, (value, key) => value)", "With each value replaced.", MapValues),
        new("mapKeys(object, (value, key) => name)", "With each name replaced.", MapKeys),
        new("filterEntries(object, (value, key) => test)", "The properties for which the test holds.", FilterEntries),
        new("compactObject(object)", "Without properties that are null, '' or otherwise empty.", CompactObject),
        new("invert(object)", "Names and values exchanged.", Invert),
        new("flattenKeys(object, separator?)", "Objects within it replaced by names such as address.city.", FlattenKeys),
    ];

    private static Value Pair(Value first, Value second) => Value.Of(new ValueList([first, second]));

    private static Value Entries(FunctionCall call)
    {
        call.Context.Items(call.Object(0).Count * 3L);
        var entries = new List<Value>();
        foreach (var (key, value) in call.Object(0))
            entries.Add(Pair(Value.Of(key), value));
        return call.Result(entries);
    }

    private static Value FromEntries(FunctionCall call)
    {
        var result = new ValueObject.Builder();
        foreach (var entry in call.List(0))
        {
            if (entry.Kind != ValueKind.List || entry.AsList is not [var key, var value] || !(key.IsText || key.IsNumber))
                throw call.Fail($"each item has to be a list [name, value], found {call.Show(entry)}");
            result.Set(key.ToString(), value);
        }
        return call.Result(result);
    }

    private static Value Get(FunctionCall call) =>
        Paths.TryGet(call[0], Paths.Of(call, 1), out var value) && !value.IsNull ? value : call[2];

    private static HashSet<string> Names(FunctionCall call)
    {
        var names = call.Count == 2 && call[1].Kind == ValueKind.List ? call.List(1) : call.From(1);
        var wrong = names.FirstOrDefault(name => !name.IsText, Value.EmptyText);
        return wrong.Equals(Value.EmptyText) || wrong.IsText
            ? [.. names.Select(name => name.AsText)]
            : throw call.Fail($"the names have to be texts, found {call.Show(wrong)}");
    }

    private static Value Where(FunctionCall call, Func<string, Value, bool> wanted)
    {
        var result = new ValueObject.Builder();
        foreach (var (key, value) in call.Object(0))
        {
            if (wanted(key, value))
                result.Set(key, value);
        }
        return call.Result(result);
    }

    private static Value Pick(FunctionCall call)
    {
        var names = Names(call);
        return Where(call, (key, _) => names.Contains(key));
    }

    private static Value Omit(FunctionCall call)
    {
        var names = Names(call);
        return Where(call, (key, _) => !names.Contains(key));
    }

    private static Value FilterEntries(FunctionCall call)
    {
        var test = call.Each(1);
        return Where(call, (key, value) => test(value, Value.Of(key)).IsTruthy);
    }

    private static Value CompactObject(FunctionCall call) => Where(call, (_, value) => !SequenceFunctions.IsEmpty(value));

    private static Value Merge(FunctionCall call)
    {
        var result = new ValueObject.Builder();
        for (var i = 0; i < call.Count; i++)
        {
            if (!call[i].IsNull)
                result.SetAll(call.Object(i));
        }
        return call.Result(result);
    }

    private static Value MergeDeep(FunctionCall call)
    {
        var result = Value.Of(ValueObject.Empty);
        for (var i = 0; i < call.Count; i++)
        {
            if (!call[i].IsNull)
                result = Merged(call, result, Value.Of(call.Object(i)));
        }
        return result;
    }

    private static Value Merged(FunctionCall call, Value a, Value b)
    {
        if (a.Kind != ValueKind.Object || b.Kind != ValueKind.Object)
            return b;
        var result = new ValueObject.Builder();
        result.SetAll(a.AsObject);
        foreach (var (key, value) in b.AsObject)
            result.Set(key, a.AsObject.TryGet(key, out var old) ? Merged(call, old, value) : value);
        return call.Result(result);
    }

    private static Value Rename(FunctionCall call)
    {
        var (result, names) = (new ValueObject.Builder(), call.Object(1));
        foreach (var (key, value) in call.Object(0))
        {
            if (!names.TryGet(key, out var name))
                name = Value.Of(key);
            result.Set(name.IsText ? name.AsText : throw call.Fail($"the new name of '{key}' has to be text, found {call.Show(name)}"), value);
        }
        return call.Result(result);
    }

    private static Value MapValues(FunctionCall call)
    {
        var (result, each) = (new ValueObject.Builder(), call.Each(1));
        foreach (var (key, value) in call.Object(0))
            result.Set(key, each(value, Value.Of(key)));
        return call.Result(result);
    }

    private static Value MapKeys(FunctionCall call)
    {
        var (result, each) = (new ValueObject.Builder(), call.Arrow(1));
        foreach (var (key, value) in call.Object(0))
        {
            var name = call.Invoke(each, value, Value.Of(key));
            result.Set(name.IsText ? name.AsText : throw call.Fail($"the arrow function has to give text, found {call.Show(name)}"), value);
        }
        return call.Result(result);
    }

    private static Value Invert(FunctionCall call)
    {
        var result = new ValueObject.Builder();
        foreach (var (key, value) in call.Object(0))
            result.Set(value.Kind is ValueKind.List or ValueKind.Object or ValueKind.Null ? throw call.Fail($"the value of '{key}' cannot be a name: it is {call.Show(value)}") : value.ToString(), Value.Of(key));
        return call.Result(result);
    }

    private static Value FlattenKeys(FunctionCall call)
    {
        var (result, separator) = (new ValueObject.Builder(), call.Text(1, "."));
        Add(call.Object(0), "");
        return call.Result(result);

        void Add(ValueObject from, string prefix)
        {
            call.Room(result.Count + (long)from.Count);
            foreach (var (key, value) in from)
            {
                call.Context.Text(prefix.Length + key.Length);
                if (value.Kind == ValueKind.Object && value.AsObject.Count > 0)
                    Add(value.AsObject, prefix + key + separator);
                else
                    result.Set(prefix + key, value);
            }
        }
    }
}
