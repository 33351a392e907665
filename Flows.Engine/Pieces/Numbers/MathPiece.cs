using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Numbers;

/// <summary>Calculates with numbers. Whole numbers of 64 bits are exact.</summary>
internal sealed partial class MathPiece() : Piece("math", "Math", "Calculates with numbers and lists of numbers.")
{
    public override IReadOnlyList<PieceAction> Actions => [new Calculate(), new Random(), new Round(), new Statistics()];

    internal sealed record CalculateInput(Value A, string Operation, Value B);
    internal sealed record RandomInput(Value Least, Value Most, string Kind, long? Count);
    internal sealed record RoundInput(Value Number, long Digits, string Mode);
    internal sealed record StatisticsInput(Value Items, string? By);
    /// <param name="Deviation">The standard deviation of the items as a whole population.</param>
    internal sealed record StatisticsOutput(int Count, Value Sum, Value Average, Value Median, Value Least, Value Most, Value Deviation);

    private sealed class Calculate() : PieceAction<CalculateInput, Value>(
        "calculate", "Calculate", "The result of one operation on two numbers.", StepEffect.Pure, MathJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Number("a", "First number", required: true),
            Prop.Select("operation", "Operation", ["add", "subtract", "multiply", "divide", "remainder", "power"], "add"),
            Prop.Number("b", "Second number", required: true),
        ];

        protected override Task<Value> RunAsync(CalculateInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(new Formula(input.Operation switch
            {
                "add" => "a + b",
                "subtract" => "a - b",
                "multiply" => "a * b",
                "divide" => "a / b",
                "remainder" => "a % b",
                _ => "a ** b",
            }).Of(context, "b", ("a", input.A), ("b", input.B)));
    }

    /// <summary>
    /// Chance follows from the run and the step's path, so a step that is walked again after a crash draws the same numbers:
    /// that makes it pure. For the same reason it is not for keys or passwords.
    /// </summary>
    private sealed class Random() : PieceAction<RandomInput, Value>(
        "random", "Random numbers", "One random number, or a list of them. Not for secrets: whoever knows the run can compute it.", StepEffect.Pure, MathJson.Default)
    {
        private const int Most = 100_000;

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Number("least", "Least", required: true),
            Prop.Number("most", "Most", required: true, help: "Included for whole numbers."),
            Prop.Select("kind", "Kind", ["integer", "decimal"], "integer"),
            Prop.Integer("count", "How many", help: "Gives a list. Left out, one number."),
        ];

        protected override Task<Value> RunAsync(RandomInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Kind == "integer" && !(input.Least.IsInteger && input.Most.IsInteger))
                throw PieceException.Input("'least' and 'most' must be whole numbers when 'kind' is integer.");
            if (Operators.CompareNumbers(input.Least, input.Most) > 0)
                throw PieceException.Input($"'least' is {input.Least} and above 'most', {input.Most}.");
            if (input.Count is < 0 or > Most)
                throw PieceException.Input($"'count' must be 0 to {Most}; found {input.Count}.");
            var one = input.Kind == "integer" ? "randomInteger(least, most)" : "least + random() * (most - least)";
            return Task.FromResult(new Formula(input.Count is null ? one : $"range(count).map(i => {one})")
                .Of(context, "most", ("least", input.Least), ("most", input.Most), ("count", Value.Of(input.Count ?? 0))));
        }
    }

    private sealed class Round() : PieceAction<RoundInput, Value>(
        "round", "Round", "The number with fewer digits.", StepEffect.Pure, MathJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Number("number", "Number", required: true),
            Prop.Integer("digits", "Digits behind the point", otherwise: 0, help: "0 to 15."),
            Prop.Select("mode", "Direction", ["nearest", "even", "up", "down", "zero"], "nearest",
                help: "nearest: halves go away from 0. even: halves go to the even digit. up and down: toward the greater or lesser number. zero: digits are cut off."),
        ];

        protected override Task<Value> RunAsync(RoundInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Digits is < 0 or > 15)
                throw PieceException.Input($"'digits' must be 0 to 15; found {input.Digits}.");
            // From here on a double has no digits behind the point that could be rounded.
            if (input.Number.IsInteger || Math.Abs(input.Number.AsDouble) >= 1e15)
                return Task.FromResult(input.Number);
            var mode = input.Mode switch
            {
                "even" => MidpointRounding.ToEven,
                "up" => MidpointRounding.ToPositiveInfinity,
                "down" => MidpointRounding.ToNegativeInfinity,
                "zero" => MidpointRounding.ToZero,
                _ => MidpointRounding.AwayFromZero,
            };
            // In decimal, where 1.005 is 1.005: as a person rounds, and not as its double is stored.
            return Task.FromResult(Value.Of((double)decimal.Round((decimal)input.Number.AsDouble, (int)input.Digits, mode)));
        }
    }

    private sealed class Statistics() : PieceAction<StatisticsInput, StatisticsOutput>(
        "statistics", "Statistics of a list", "Count, sum, average, median, least, most and standard deviation of numbers; null where an empty list has none.", StepEffect.Pure, MathJson.Default)
    {
        private static readonly Formula s_numbers = new("items.map(item => get(item, by))");
        private static readonly Formula s_deviation = new("sqrt(average(numbers.map(number => (number - average) ** 2)))");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.List("items", "Items", required: true, help: "Numbers, or objects that hold them."),
            Prop.Text("by", "Where the number is", help: "A path such as price or order.total. Left out, the items are the numbers."),
        ];

        protected override Task<StatisticsOutput> RunAsync(StatisticsInput input, PieceContext context, CancellationToken cancel)
        {
            var numbers = input.By is null ? input.Items : s_numbers.Of(context, "by", ("items", input.Items), ("by", Value.Of(input.By)));
            Value Of(string function) => new Formula($"{function}(numbers)").Of(context, "items", ("numbers", numbers));
            var average = Of("average");
            return Task.FromResult(new StatisticsOutput(
                numbers.AsList.Count, Of("sum"), average, Of("median"), Of("min"), Of("max"),
                average.IsNull ? Value.Null : s_deviation.Of(context, "items", ("numbers", numbers), ("average", average))));
        }
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(CalculateInput))]
    [JsonSerializable(typeof(RandomInput))]
    [JsonSerializable(typeof(RoundInput))]
    [JsonSerializable(typeof(StatisticsInput))]
    [JsonSerializable(typeof(StatisticsOutput))]
    private sealed partial class MathJson : JsonSerializerContext;
}
