using Flows.Api.Access;
using Flows.Api.Reference;
using Flows.Contracts.Definitions;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Flows;

/// <summary>What flows are made of, for editors: the same for every project, and fixed for the life of the process.</summary>
internal static class PieceEndpoints
{
    public static void MapPieces(this IEndpointRouteBuilder api)
    {
        var pieces = api.MapGroup("/pieces").WithTags("Pieces");
        pieces.MapGet("", List).Requires(Permission.ReadFlows).WithSummary("Every piece with its actions, triggers and inputs; the step kinds, code languages and expression functions");
        pieces.MapGet("/{name}", Get).Requires(Permission.ReadFlows).WithSummary("One piece").ProducesProblem(StatusCodes.Status404NotFound);
        api.MapGet("/flow-schema", Schema).Requires(Permission.ReadFlows).WithTags("Pieces").WithSummary("The JSON Schema of a flow definition")
            .Answers(StatusCodes.Status200OK, "application/schema+json", "The schema, for editors and other checkers.", """{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object" }""");
    }

    private static ContentHttpResult Schema() => TypedResults.Text(DefinitionSchema.Json, "application/schema+json");

    private static Ok<EngineCatalogue> List(FlowCatalogue catalogue) => TypedResults.Ok(catalogue.Engine);

    private static Results<Ok<PieceDescription>, ProblemHttpResult> Get(string name, FlowCatalogue catalogue) =>
        catalogue.Piece(name) is { } piece ? TypedResults.Ok(piece) : Problems.NotFound($"There is no piece '{name}'.");
}
