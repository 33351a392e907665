using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;
using Flows.Engine.Steps;

namespace Flows.Engine;

/// <summary>What this engine offers, as data.</summary>
internal static class Catalogue
{
    public static string Version { get; } = typeof(Catalogue).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    public static EngineCatalogue Describe() => new(
        Version,
        [.. PieceCatalog.All.Pieces.Select(piece => piece.Describe())],
        StepExecutors.Kinds,
        CodeExecutor.Languages,
        FunctionTable.Describe());

    public static void WriteTo(Stream output)
    {
        using var writer = new Utf8JsonWriter(output, PieceJson.Writing with { Indented = true });
        JsonSerializer.Serialize(writer, Describe(), CatalogueJson.Default.EngineCatalogue);
    }
}
