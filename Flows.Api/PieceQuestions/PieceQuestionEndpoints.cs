using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Flows;
using Flows.Api.Flows.Testing;
using Flows.Api.Runs;
using Flows.Api.Triggers;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.PieceQuestions;

/// <summary>What a builder asks of a service before there is a run: what an input may be set to, and whether a connection works.</summary>
internal static class PieceQuestionEndpoints
{
    private const int MaxSearch = 200;

    public static void AddPieceQuestions(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<PieceQuestionOptions>().BindConfiguration(PieceQuestionOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<AnswerBell>();
        builder.Services.AddSingleton<PieceQuestionDesk>();
        builder.Services.AddSingleton<IPieceWork, QuestionWork>();
    }

    public static void MapPieceQuestions(this IEndpointRouteBuilder api)
    {
        Refuses(api.MapPost("/pieces/{name}/options", Options).Requires(Permission.EditFlows).NotAudited("It asks a service and changes nothing.").WithTags("Pieces")
            .WithSummary("What an input may be set to, asked of the service: the channels of a workspace, the repositories of an account"));
        Refuses(api.MapPost("/pieces/{name}/triggers/{trigger}/sample", Sample).Requires(Permission.EditFlows).NotAudited("It asks a service and changes nothing.").WithTags("Pieces")
            .WithSummary("What a trigger gives, as it looks now at the service; where it cannot be asked or there is nothing, the sample of its description"));
        Refuses(api.MapPost("/connections/{id:guid}/test", Test).Requires(Permission.EditConnections).NotAudited("It asks a service and changes nothing.").WithTags("Connections")
            .WithSummary("Whether the service takes the connection; nothing is changed there. 409 when its piece cannot tell"));
    }

    private static void Refuses(RouteHandlerBuilder route)
    {
        foreach (var status in (int[])[400, 404, 409, 422, 429, 503, 504])
            route.ProducesProblem(status);
    }

    private static async Task<Results<Ok<OptionList>, ProblemHttpResult>> Options(
        string name, OptionsRequest request, CurrentProject project, FlowsDb db, FlowCatalogue catalogue, PieceQuestionDesk desk, FlowSamples samples, CancellationToken cancel)
    {
        if (catalogue.Piece(name) is not { } piece)
            return Problems.NotFound($"There is no piece '{name}'.");
        var sources = piece.Actions.SelectMany(action => action.Props).Concat(piece.Triggers.SelectMany(trigger => trigger.Props))
            .Select(prop => prop.Source).OfType<string>().Distinct().Order(StringComparer.Ordinal).ToList();
        if (!sources.Contains(request.Source))
        {
            return Problems.BadRequest("$.source", sources.Count == 0
                ? $"No input of the piece '{name}' has options that can be asked for."
                : $"The piece '{name}' has no options '{request.Source}'; it has {string.Join(", ", sources)}.");
        }
        if (request.Input.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.Object))
            return Problems.BadRequest("$.input", "It must be an object: what the form holds so far.");
        if (request.Search is { Length: > MaxSearch })
            return Problems.BadRequest("$.search", $"At most {MaxSearch} characters are allowed.");
        if (await ConnectionProblemAsync(piece, request.Connection, project, db, cancel) is { } problem)
            return problem;
        if (request.FlowId is { } flow && !await db.Flows.AnyAsync(row => row.Id == flow && row.ProjectId == project.Id, cancel))
            return Problems.BadRequest("$.flowId", $"There is no flow {flow} in this project.");

        var input = InputOf(request.Input);
        var sample = request.Context ?? (request.FlowId is { } draft ? SampleContext.Of(await samples.OfFlowAsync(draft, cancel)) : null);
        RawJson? context = sample is null ? null : RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(
            await sample.CompleteAsync(project.Id, db, input.ToString(), withVariables: true, cancel), EngineJson.Default.PreviewContext));
        var (answer, none) = await desk.AskAsync(project.Id,
            new PieceQuestionOf(PieceCallKind.Options, name, request.Source, input, request.Connection, request.Search, context), cancel);
        if (answer is null)
            return none!;
        return answer.Error is { } error
            ? RunProblems.Of(StatusCodes.Status422UnprocessableEntity, error.Code, error.Message, ("isTransient", answer.IsTransient))
            : TypedResults.Ok(new OptionList(answer.Options ?? []));
    }

    private static async Task<Results<Ok<SampleList>, ProblemHttpResult>> Sample(
        string name, string trigger, SampleRequest request, CurrentProject project, FlowsDb db, FlowCatalogue catalogue, PieceQuestionDesk desk, CancellationToken cancel)
    {
        if (catalogue.Piece(name) is not { } piece || piece.Triggers.FirstOrDefault(known => known.Name == trigger) is not { } found)
            return Problems.NotFound($"There is no trigger '{trigger}' of a piece '{name}'.");
        IReadOnlyList<JsonElement> described = found.Sample is { } sample ? [sample] : [];
        if (found.Kind != "polling")
            return TypedResults.Ok(new SampleList(described, IsReal: false));
        if (request.Input.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.Object))
            return Problems.BadRequest("$.input", "It must be an object: the inputs of the trigger.");
        if (await ConnectionProblemAsync(piece, request.Connection, project, db, cancel) is { } problem)
            return problem;

        var (answer, none) = await desk.AskAsync(project.Id, new PieceQuestionOf(PieceCallKind.Sample, name, trigger, InputOf(request.Input), request.Connection), cancel);
        if (answer is null)
            return none!;
        if (answer.Error is { } error)
            return RunProblems.Of(StatusCodes.Status422UnprocessableEntity, error.Code, error.Message, ("isTransient", answer.IsTransient));
        return TypedResults.Ok(answer.Events is { Items.Count: > 0 } events
            ? new SampleList([.. events.Items.Reverse().Select(item => item.Output.ToElement())], IsReal: true)
            : new SampleList(described, IsReal: false));
    }

    private static RawJson InputOf(JsonElement input) => input.ValueKind == JsonValueKind.Object ? RawJson.Parse(input.GetRawText()) : RawJson.Parse("{}");

    private static async Task<ProblemHttpResult?> ConnectionProblemAsync(
        PieceDescription piece, string? key, CurrentProject project, FlowsDb db, CancellationToken cancel)
    {
        if (key is null)
            return piece.Auth is null ? null : Problems.BadRequest("$.connection", $"The piece '{piece.Name}' needs a connection ({piece.Auth.Title}) to be asked.");
        var found = await db.Connections.AsNoTracking().Where(row => row.ProjectId == project.Id && row.Key == key).Select(row => new { row.Piece }).SingleOrDefaultAsync(cancel);
        return found is null ? Problems.BadRequest("$.connection", $"There is no connection '{key}' in this project.")
            // The secret of one service must not be sent to another.
            : found.Piece != piece.Name ? Problems.BadRequest("$.connection", $"The connection '{key}' is not one for the piece '{piece.Name}'.")
            : null;
    }

    private static async Task<Results<Ok<ConnectionTest>, ProblemHttpResult>> Test(
        Guid id, CurrentProject project, FlowsDb db, FlowCatalogue catalogue, PieceQuestionDesk desk, CancellationToken cancel)
    {
        var row = await db.Connections.AsNoTracking().Where(found => found.Id == id && found.ProjectId == project.Id)
            .Select(found => new { found.Key, found.Piece }).SingleOrDefaultAsync(cancel);
        if (row is null)
            return Problems.NotFound($"There is no connection {id}.");
        if (row.Piece is null)
            return Problems.Conflict("The connection is for no piece, so there is no service to try it at.");
        if (catalogue.Piece(row.Piece) is not { CanTest: true })
            return Problems.Conflict($"The piece '{row.Piece}' has no way to try a connection without doing something with it.");

        var (answer, none) = await desk.AskAsync(project.Id, new PieceQuestionOf(PieceCallKind.Test, row.Piece, "", RawJson.Parse("{}"), row.Key), cancel);
        if (answer is null)
            return none!;
        return TypedResults.Ok(answer.Error is { } error
            ? new ConnectionTest(false, null, error.Code, error.Message, answer.IsTransient)
            : new ConnectionTest(true, answer.Account is { Length: > 0 } account ? account : null));
    }

    /// <param name="Source">As the input's description says.</param>
    /// <param name="Connection">Key of the connection to ask with.</param>
    /// <param name="Search">What the user has typed.</param>
    /// <param name="FlowId">The flow whose samples stand in for what the expressions in the input name; null leaves those as they are written.</param>
    /// <param name="Context">The same given with the question; it is taken rather than the samples.</param>
    internal sealed record OptionsRequest(string Source, string? Connection = null, string? Search = null, Guid? FlowId = null, SampleContext? Context = null)
    {
        /// <summary>What the form holds so far; may be left out.</summary>
        public JsonElement Input { get; init; }
    }

    /// <param name="Connection">Key of the connection to ask with.</param>
    internal sealed record SampleRequest(string? Connection = null)
    {
        /// <summary>The inputs of the trigger; may be left out.</summary>
        public JsonElement Input { get; init; }
    }

    /// <param name="Items">Outputs of the trigger, the newest first.</param>
    /// <param name="IsReal">They come from the service, and not from the trigger's description.</param>
    internal sealed record SampleList(IReadOnlyList<JsonElement> Items, bool IsReal);

    internal sealed record OptionList(IReadOnlyList<PropOption> Items);
}

/// <param name="Ok">The service takes it.</param>
/// <param name="Account">Whom it takes it for; null when it does not say.</param>
/// <param name="Code">Why not, as a word to branch on.</param>
/// <param name="IsTransient">It may work later: the service was away or busy.</param>
internal sealed record ConnectionTest(bool Ok, string? Account, string? Code = null, string? Message = null, bool IsTransient = false);
