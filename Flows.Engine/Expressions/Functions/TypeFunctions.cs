namespace Flows.Engine.Expressions;

internal static class TypeFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("type(value)", "'null', 'boolean', 'number', 'text', 'list' or 'object'.", call => Value.Of(call[0].Kind.ToString().ToLowerInvariant()), "typeOf"),
        new("isNull(value)", "Whether it is null, which a missing property is.", call => Value.Of(call[0].IsNull)),
        new("isText(value)", "Whether it is text.", call => Value.Of(call[0].IsText), "isString"),
        new("isNumber(value)", "Whether it is a number.", call => Value.Of(call[0].IsNumber)),
        new("isBoolean(value)", "Whether it is true or false.", call => Value.Of(call[0].Kind == ValueKind.Boolean)),
        new("isList(value)", "Whether it is a list.", call => Value.Of(call[0].Kind == ValueKind.List), "isArray", "Array.isArray"),
        new("isObject(value)", "Whether it is an object.", call => Value.Of(call[0].Kind == ValueKind.Object)),
        new("boolean(value)", "True or false from those, from the texts 'true', 'false', 'yes', 'no', 'on', 'off', '1', '0', and from 1 and 0.", ToBoolean, "toBoolean"),
        new("list(value)", "A list as it is, null as an empty list, anything else as a list of one.", ToList),
        new("coalesce(...values)", "The first that is not null.", call => call.From(0).FirstOrDefault(value => !value.IsNull)),
        new("default(value, otherwise)", "The value, or the other one when it is null, '' or otherwise empty.", call => SequenceFunctions.IsEmpty(call[0]) ? call[1] : call[0]),
        new("required(value, message?)", "The value; null, '' or otherwise empty is an error with that message.", Required),
        new("fail(message)", "Ends the evaluation with an error of the builder's own words.", call => throw new ExpressionException(call.Text(0), call.At)),
        new("equals(a, b)", "Whether two values are equal at any depth, as ===.", call => Value.Of(call[0].Equals(call[1]))),
    ];

    private static Value ToBoolean(FunctionCall call)
    {
        var value = call[0];
        if (value.Kind == ValueKind.Boolean)
            return value;
        if (value.TryGetInteger(out var integer) && integer is 0 or 1)
            return Value.Of(integer == 1);
        return (value.TryGetText(out var text) ? text.Trim().ToLowerInvariant() : "") switch
        {
            "true" or "yes" or "on" or "1" => Value.True,
            "false" or "no" or "off" or "0" => Value.False,
            _ => throw call.Wrong(0, "true, false or a word for it"),
        };
    }

    private static Value ToList(FunctionCall call) => call[0].Kind switch
    {
        ValueKind.List => call[0],
        ValueKind.Null => ValueList.Empty,
        _ => call.Result([call[0]]),
    };

    private static Value Required(FunctionCall call) => !SequenceFunctions.IsEmpty(call[0])
        ? call[0]
        : throw new ExpressionException(call.Text(1, $"a value is required here, found {call.Show(call[0])}"), call.At);
}
