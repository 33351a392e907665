using System.Collections.Frozen;
using System.Text.Json;
using Flows.Api.Schedules;
using Flows.Api.Triggers;
using Flows.Api.Webhooks;
using Flows.Contracts.Definitions;
using Flows.ServiceDefaults;

namespace Flows.Api.Flows;

/// <summary>What flows may name: the description that the engine gave of itself when this installation was built.</summary>
internal sealed class FlowCatalogue(EngineCatalogue engine)
{
    public const string FileName = "catalogue.json";
    private readonly FrozenDictionary<string, PieceDescription> _pieces = engine.Pieces.ToFrozenDictionary(piece => piece.Name, StringComparer.Ordinal);

    public EngineCatalogue Engine => engine;

    /// <summary>The piece, or null.</summary>
    public PieceDescription? Piece(string name) => _pieces.GetValueOrDefault(name);

    /// <summary>Reads a definition and checks it against the catalogue. Never throws for what a caller has written.</summary>
    public DefinitionReading Read(JsonElement document)
    {
        var reading = DefinitionReader.Read(document, engine);
        if (reading.Definition is not { } definition)
            return reading;

        // What the engine does not do and so does not know: the clock is the API's. And what it could find only when the code runs.
        var problems = reading.Problems.ToList();
        Schedule.Read(definition.Trigger, "$.trigger", problems);
        WebhookRules.Read(definition.Trigger, "$.trigger", problems);
        TriggerPlan.Check(definition.Trigger, engine, problems);
        CodeSyntax.Check(definition, problems);
        return new DefinitionReading(problems.Any(problem => problem.Severity == ProblemSeverity.Error) ? null : definition, problems);
    }

    /// <exception cref="StartRefusedException">The file is missing or not a catalogue.</exception>
    public static FlowCatalogue Load(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return JsonSerializer.Deserialize(file, CatalogueJson.Default.EngineCatalogue) is { } engine
                ? new FlowCatalogue(engine)
                : throw new StartRefusedException($"{path} is empty. The build makes it from the engine: build Flows.Api again.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new StartRefusedException($"{path} cannot be read ({error.Message.TrimEnd('.')}). The build makes it from the engine: build Flows.Api again.");
        }
    }
}
