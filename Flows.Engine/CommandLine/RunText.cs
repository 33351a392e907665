using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Pieces;

namespace Flows.Engine.CommandLine;

/// <summary>A run as it is printed.</summary>
internal static partial class RunText
{
    private const int Longest = 2_000;

    /// <summary>One step: a line of path, status and time, then what it got and gave.</summary>
    public static string Of(StepRecord step)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Mark(step.Status)} {step.Path}  ({step.Kind}, {step.Status}, {step.DurationMs ?? 0:0.0} ms");
        text.Append(step.Attempt > 1 ? $", try {step.Attempt})" : ")");
        Append(text, "input", step.Input);
        Append(text, "output", step.Output);
        if (step.Error is { } error)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n    error   {error.Code}: {error.Message}");
            Append(text, "detail", error.Detail);
        }
        if (step.Logs is { } logs)
            text.Append("\n    logs    ").Append(logs.TrimEnd().ReplaceLineEndings("\n            "));
        return text.ToString();
    }

    /// <summary>How the run ended.</summary>
    public static string Of(RunOutcome outcome, RunResponse? response)
    {
        var text = new StringBuilder($"\n{outcome.Status}");
        if (outcome.FailedStep is { } step)
            text.Append(CultureInfo.InvariantCulture, $" at {step}");
        if (outcome.Error is { } error)
            text.Append(CultureInfo.InvariantCulture, $"\n    error   {error.Code}: {error.Message}");
        if (response is not null)
            text.Append(CultureInfo.InvariantCulture, $"\n    answer  {response.Status} {Shortened(response.Body)}");
        Append(text, "output", outcome.Output);
        return text.ToString();
    }

    /// <summary>The whole run as one document.</summary>
    public static string Json(RunOutcome outcome, RunResponse? response, IReadOnlyList<StepRecord> steps)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, PieceJson.Writing with { Indented = true }))
            JsonSerializer.Serialize(writer, new Document(outcome, response, steps), DocumentJson.Default.Document);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Append(StringBuilder text, string name, RawJson? value)
    {
        if (value is { IsNull: false } json)
            text.Append("\n    ").Append(name.PadRight(8)).Append(Shortened(json));
    }

    private static string Shortened(RawJson json)
    {
        var text = json.ToString();
        return text.Length <= Longest ? text : $"{text[..Longest]}… ({json.Length} bytes)";
    }

    private static char Mark(StepStatus status) => status switch
    {
        StepStatus.Succeeded => '✓',
        StepStatus.Skipped => '-',
        StepStatus.FailedAndContinued => '!',
        StepStatus.Failed => '✗',
        _ => '…',
    };

    internal sealed record Document(RunOutcome Outcome, RunResponse? Response, IReadOnlyList<StepRecord> Steps);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(Document))]
    private sealed partial class DocumentJson : JsonSerializerContext;
}
