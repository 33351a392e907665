using System.Diagnostics;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Expressions;
using Flows.Contracts.Json;

namespace Flows.Engine.Expressions;

/// <summary>Shows what expressions give on sample data, each by itself: one that fails does not hide the others.</summary>
internal static class Preview
{
    /// <summary>Largest value that is shown, in bytes of JSON.</summary>
    public const int LargestValue = 256 << 10;
    /// <summary>All values of one answer together, in bytes of JSON.</summary>
    private const int LargestAnswer = 2 << 20;
    /// <summary>All expressions of one question together.</summary>
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(3);

    private static readonly ExpressionLimits s_limits = ExpressionLimits.Default with { Steps = 1_000_000, Size = 16_000_000, Time = TimeSpan.FromSeconds(1) };

    public static Dictionary<string, ExpressionOutcome> Of(ExpressionQuestion question, TimeProvider clock)
    {
        var results = new Dictionary<string, ExpressionOutcome>(StringComparer.Ordinal);
        PreviewScope scope;
        try
        {
            scope = new PreviewScope(question.Context);
        }
        catch (JsonException error)
        {
            foreach (var key in question.Expressions.Keys)
                results[key] = Failed($"the sample data cannot be taken in: {error.Message}");
            return results;
        }
        var started = clock.GetTimestamp();
        var left = LargestAnswer;
        foreach (var (key, text) in question.Expressions)
        {
            results[key] = clock.GetElapsedTime(started) > s_time
                ? Failed($"the expressions before it have taken more than {s_time.TotalSeconds:0} seconds (limit: time)")
                : OfOne(text, scope, clock, ref left);
        }
        return results;
    }

    /// <summary>An input with its expressions replaced, as far as they can be: what cannot is left out and told of.</summary>
    public static (Value Input, IReadOnlyList<string> Unknown) Fill(RawJson input, PreviewContext context, TimeProvider clock)
    {
        var scope = new PreviewScope(context);
        var form = input.ToElement();
        if (form.ValueKind != JsonValueKind.Object)
            return (Value.FromJson(input), []);
        var filled = new ValueObject.Builder();
        var unknown = new List<string>();
        foreach (var field in form.EnumerateObject())
        {
            try
            {
                var template = InputTemplate.Compile(field.Value, $"$.input.{field.Name}");
                filled.Set(field.Name, template.Evaluate(scope, new EvaluationContext(clock, "preview", s_limits)));
            }
            catch (ExpressionException error)
            {
                unknown.Add(error.Message);
            }
        }
        return (Value.Of(filled.ToObject()), unknown);
    }

    private static ExpressionOutcome OfOne(string text, PreviewScope scope, TimeProvider clock, ref int left)
    {
        try
        {
            var context = new EvaluationContext(clock, "preview", s_limits);
            context.Begin();
            var value = CompiledText.Of(text, field: null).Evaluate(scope, context, field: null);
            var json = value.ToRawJson();
            if (json.Length > LargestValue)
                return Failed($"the value has {json.Length} bytes of JSON; {LargestValue} are shown (limit: value size)");
            if (json.Length > left)
                return Failed($"the values have more than {LargestAnswer} bytes of JSON together (limit: answer size)");
            left -= json.Length;
            return new ExpressionOutcome(json, TypeOf(value));
        }
        catch (ExpressionException error)
        {
            var (position, length) = PlaceOf(text, error.At);
            return new ExpressionOutcome(Error: new ExpressionProblem(error.Reason, position, length));
        }
    }

    private static ExpressionOutcome Failed(string message) => new(Error: new ExpressionProblem(message, 0, 0));

    private static string TypeOf(Value value) => value.Kind switch
    {
        ValueKind.Null => "null",
        ValueKind.Boolean => "boolean",
        ValueKind.Number => "number",
        ValueKind.Text => "string",
        ValueKind.List => "array",
        ValueKind.Object => "object",
        _ => throw new UnreachableException(),
    };

    // The word at the place, or the one sign that stands there.
    private static (int Position, int Length) PlaceOf(string text, TextPosition? at)
    {
        if (at is not { } place)
            return (0, text.Length);
        var start = 0;
        for (var line = 1; line < place.Line; line++)
        {
            if (text.IndexOf('\n', start) is not (>= 0 and var end))
                break;
            start = end + 1;
        }
        start = Math.Clamp(start + place.Column - 1, 0, text.Length);
        var stop = start;
        while (stop < text.Length && (char.IsLetterOrDigit(text[stop]) || text[stop] is '_' or '$'))
            stop++;
        return (start, stop > start ? stop - start : Math.Min(1, text.Length - start));
    }
}
