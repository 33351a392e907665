namespace Flows.Contracts.Definitions;

/// <summary>A test of the structured condition.</summary>
/// <param name="Name">As in the definition.</param>
/// <param name="NeedsRight">Whether it compares with a right side.</param>
/// <param name="Help">When it holds, in words for the documentation.</param>
public sealed record ConditionOperator(string Name, bool NeedsRight, string Help);

/// <summary>The tests of the structured condition, in the order of the documentation.</summary>
public static class ConditionOperators
{
    public static IReadOnlyList<ConditionOperator> All { get; } =
    [
        new("text_contains", true, "the left text holds the right one"),
        new("text_not_contains", true, "it does not"),
        new("text_equals", true, "the texts are the same"),
        new("text_not_equals", true, "they are not"),
        new("text_starts_with", true, "the left text begins with the right one"),
        new("text_not_starts_with", true, "it does not"),
        new("text_ends_with", true, "the left text ends with the right one"),
        new("text_not_ends_with", true, "it does not"),
        new("number_greater_than", true, "the left number is greater"),
        new("number_less_than", true, "the left number is less"),
        new("number_equals", true, "the numbers are equal"),
        new("boolean_is_true", false, "the left value is true"),
        new("boolean_is_false", false, "the left value is false"),
        new("date_before", true, "the left moment is before the right one"),
        new("date_equals", true, "they are the same moment"),
        new("date_after", true, "the left moment is after the right one"),
        new("list_contains", true, "the left list has an item equal to the right value"),
        new("list_not_contains", true, "it has none"),
        new("list_is_empty", false, "the left list has no items"),
        new("list_is_not_empty", false, "it has some"),
        new("exists", false, "the left value is neither null nor an empty text"),
        new("not_exists", false, "it is one of these"),
    ];

    /// <summary>Null when there is no such operator.</summary>
    public static ConditionOperator? Find(string name) => All.FirstOrDefault(known => known.Name == name);
}
