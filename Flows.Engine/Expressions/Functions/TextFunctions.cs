namespace Flows.Engine.Expressions;

internal static class TextFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("upper(text)", "The text in capital letters.", call => call.Result(call.Text(0).ToUpperInvariant()), "toUpperCase"),
        new("lower(text)", "The text in small letters.", call => call.Result(call.Text(0).ToLowerInvariant()), "toLowerCase"),
        new("trim(text)", "Without white space at both ends.", call => call.Result(call.Text(0).Trim())),
    ];
}
