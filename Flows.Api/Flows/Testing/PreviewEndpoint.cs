using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.PieceQuestions;
using Flows.Api.Runs;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Flows.Api.Flows.Testing;

/// <summary>What expressions give on sample data. An engine of a worker evaluates them, as it does in a run: in its box, under its limits.</summary>
internal static class PreviewEndpoint
{
    private const int MostExpressions = 50;
    private const int LongestExpression = 64 << 10;
    private const int LongestKey = 200;
    private const int MostBytesOfBody = 4 << 20;

    public static void MapPreview(this IEndpointRouteBuilder api)
    {
        var preview = api.MapPost("/expressions/preview", Preview).Requires(Permission.EditFlows).NotAudited("It changes nothing.").WithTags("Testing")
            .WithMetadata(new RequestSizeLimitAttribute(MostBytesOfBody))
            .WithSummary("What expressions give on sample data: a value with its type, or the place and reason of the error, for each");
        foreach (var status in (int[])[400, 413, 422, 429, 503, 504])
            preview.ProducesProblem(status);
    }

    private static async Task<Results<Ok<PreviewResult>, ProblemHttpResult>> Preview(
        ExpressionPreviewRequest request, CurrentProject project, FlowsDb db, PieceQuestionDesk desk, CancellationToken cancel)
    {
        if (request.Expressions.Count > MostExpressions)
            return Problems.BadRequest("$.expressions", $"There are {request.Expressions.Count}; at most {MostExpressions} are evaluated at once.");
        foreach (var (key, text) in request.Expressions)
        {
            if (key.Length > LongestKey)
                return Problems.BadRequest("$.expressions", $"A key has at most {LongestKey} characters.");
            if (text is null)
                return Problems.BadRequest($"$.expressions.{key}", "It must be a text.");
            if (text.Length > LongestExpression)
                return Problems.BadRequest($"$.expressions.{key}", $"It has {text.Length} characters; {LongestExpression} are allowed.");
        }
        if (request.Expressions.Count == 0)
            return TypedResults.Ok(new PreviewResult(new Dictionary<string, ExpressionView>()));

        var texts = string.Join('\n', request.Expressions.Values);
        var context = await (request.Context ?? new SampleContext()).CompleteAsync(project.Id, db, texts, request.Variables, cancel);
        var question = RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(new ExpressionQuestion(request.Expressions, context), EngineJson.Default.ExpressionQuestion));
        var (answer, none) = await desk.AskAsync(project.Id, new PieceQuestionOf(PieceCallKind.Expressions, "expressions", "", question, null), cancel);
        if (answer is null)
            return none!;
        return answer.Error is { } error
            ? RunProblems.Of(StatusCodes.Status422UnprocessableEntity, error.Code, error.Message, ("isTransient", answer.IsTransient))
            : TypedResults.Ok(new PreviewResult((answer.Values ?? new Dictionary<string, ExpressionOutcome>()).ToDictionary(pair => pair.Key, pair => ExpressionView.Of(pair.Value))));
    }

    /// <param name="Expressions">Texts as a definition has them, with their braces, under keys of the caller's choice.</param>
    /// <param name="Context">Sample data; without it only variables and functions are known.</param>
    /// <param name="Variables">False leaves the project's variables out.</param>
    internal sealed record ExpressionPreviewRequest(IReadOnlyDictionary<string, string> Expressions, SampleContext? Context = null, bool Variables = true);

    internal sealed record PreviewResult(IReadOnlyDictionary<string, ExpressionView> Results);

    /// <summary>Either value and type, or an error.</summary>
    /// <param name="Type"><c>string</c>, <c>number</c>, <c>boolean</c>, <c>null</c>, <c>array</c> or <c>object</c>.</param>
    internal sealed record ExpressionView(
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? Value,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Type,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ExpressionErrorView? Error)
    {
        public static ExpressionView Of(ExpressionOutcome outcome) => outcome.Error is { } error
            ? new ExpressionView(null, null, new ExpressionErrorView(error.Message, error.Position, error.Length))
            : new ExpressionView((outcome.Value ?? RawJson.Null).ToElement(), outcome.Type, null);
    }

    /// <param name="Position">Characters of the text before the place.</param>
    /// <param name="Length">Characters at fault; 0 at the end of the text.</param>
    internal sealed record ExpressionErrorView(string Message, int Position, int Length);
}
