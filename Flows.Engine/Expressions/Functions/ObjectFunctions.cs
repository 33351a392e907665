namespace Flows.Engine.Expressions;

internal static class ObjectFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("keys(object)", "The names of its properties.", call => call.Result([.. call.Object(0).Keys.Select(Value.Of)]), "Object.keys"),
        new("values(object)", "The values of its properties.", call => call.Result([.. call.Object(0).Values]), "Object.values"),
    ];
}
