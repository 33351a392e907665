namespace Flows.Engine.Expressions;

internal static class ListFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("map(list, item => value)", "A list of what the arrow function makes of each item.", Map),
        new("filter(list, item => test)", "The items for which the test holds.", Filter),
    ];

    private static Value Map(FunctionCall call)
    {
        var (list, each) = (call.List(0), call.Each(1));
        var result = new List<Value>(list.Count);
        for (var i = 0; i < list.Count; i++)
            result.Add(each(list[i], Value.Of(i)));
        return call.Result(result);
    }

    private static Value Filter(FunctionCall call)
    {
        var (list, test) = (call.List(0), call.Each(1));
        var result = new List<Value>();
        for (var i = 0; i < list.Count; i++)
        {
            if (test(list[i], Value.Of(i)).IsTruthy)
                result.Add(list[i]);
        }
        return call.Result(result);
    }
}
