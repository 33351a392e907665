using System.Globalization;

namespace Flows.Engine.Expressions;

/// <summary>Paths that are worked out at run time: <c>address.city</c>, <c>lines[0].sku</c>, or a list of keys and positions.</summary>
internal static class Paths
{
    public static IReadOnlyList<Value> Of(FunctionCall call, int argument)
    {
        var path = call[argument];
        if (path.Kind == ValueKind.List && path.AsList.All(part => part.IsText || part.IsInteger))
            return path.AsList;
        if (path.IsInteger)
            return [path];
        if (!path.TryGetText(out var text))
            throw call.Wrong(argument, "a path such as 'address.city', or a list of names and positions");

        var parts = new List<Value>();
        foreach (var name in text.Split('.'))
        {
            var bracket = name.IndexOf('[', StringComparison.Ordinal);
            if (bracket != 0)
                parts.Add(Value.Of(bracket < 0 ? name : name[..bracket]));
            while (bracket >= 0)
            {
                var close = name.IndexOf(']', bracket);
                if (close < 0 || !int.TryParse(name.AsSpan(bracket + 1, close - bracket - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var position))
                    throw call.Fail($"'{Shown.Cut(text)}' is not a path: a position is written [0]");
                parts.Add(Value.Of(position));
                bracket = close + 1 < name.Length ? name[close + 1] == '[' ? close + 1 : throw call.Fail($"'{Shown.Cut(text)}' is not a path: expected '.' or '[' after ']'") : -1;
            }
        }
        return parts.Count <= Value.MaxDepth ? parts : throw call.Fail($"a path has at most {Value.MaxDepth} parts");
    }

    public static bool TryGet(Value value, IReadOnlyList<Value> path, out Value found)
    {
        found = value;
        foreach (var part in path)
        {
            if (!TryGet(found, part, out found))
                return false;
        }
        return true;
    }

    public static Value Set(FunctionCall call, Value target, IReadOnlyList<Value> path, int depth, Value value)
    {
        if (depth == path.Count)
            return value;
        TryGet(target, path[depth], out var old);
        var inner = Set(call, old, path, depth + 1, value);
        if (target.Kind == ValueKind.List && path[depth].TryGetInteger(out var position))
        {
            var items = target.AsList.ToList();
            if (position < 0 || position > items.Count)
                throw call.Fail($"the list has {items.Count} items and no position {position}");
            if (position == items.Count)
                items.Add(inner);
            else
                items[(int)position] = inner;
            return call.Result(items);
        }
        if (target.Kind is not (ValueKind.Object or ValueKind.Null))
            throw call.Fail($"'{path[depth]}' cannot be set in {call.Show(target)}");
        var result = new ValueObject.Builder();
        if (!target.IsNull)
            result.SetAll(target.AsObject);
        result.Set(path[depth].ToString(), inner);
        return call.Result(result);
    }

    public static Value Unset(FunctionCall call, Value target, IReadOnlyList<Value> path, int depth)
    {
        if (depth == path.Count || !TryGet(target, path[depth], out var old))
            return target;
        var last = depth == path.Count - 1;
        if (target.Kind == ValueKind.List)
        {
            var items = target.AsList.ToList();
            path[depth].TryGetInteger(out var position);
            if (last)
                items.RemoveAt((int)position);
            else
                items[(int)position] = Unset(call, old, path, depth + 1);
            return call.Result(items);
        }
        var result = new ValueObject.Builder();
        foreach (var (key, value) in target.AsObject)
        {
            if (key != path[depth].ToString())
                result.Set(key, value);
            else if (!last)
                result.Set(key, Unset(call, old, path, depth + 1));
        }
        return call.Result(result);
    }

    private static bool TryGet(Value value, Value part, out Value found)
    {
        found = Value.Null;
        if (value.Kind == ValueKind.Object)
            return value.AsObject.TryGet(part.ToString(), out found);
        if (value.Kind != ValueKind.List || !part.TryGetInteger(out var position) || position < 0 || position >= value.AsList.Count)
            return false;
        found = value.AsList[(int)position];
        return true;
    }
}
