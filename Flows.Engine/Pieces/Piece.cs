using System.Text.Json;
using Flows.Contracts.Definitions;

namespace Flows.Engine.Pieces;

/// <summary>
/// A connector: a name, and what flows can do with it. A piece is one file and one line in <see cref="PieceCatalog"/>;
/// <see cref="Data.DataPiece"/> is a small example. Nothing is found by reflection: props are written out, and inputs are
/// read through generated JSON code.
/// </summary>
/// <param name="name">lower_snake, unique; definitions refer to it.</param>
internal abstract class Piece(string name, string title, string description)
{
    public string Name => name;
    public string Title => title;

    /// <summary>What a connection of this piece holds; null when it needs none.</summary>
    public virtual AuthDescription? Auth => null;

    public virtual IReadOnlyList<PieceAction> Actions => [];

    public virtual IReadOnlyList<PieceTrigger> Triggers => [];

    public PieceDescription Describe() =>
        new(name, title, description, Auth, [.. Actions.Select(action => action.Describe())], [.. Triggers.Select(trigger => trigger.Describe())]);
}

/// <summary>What starts a flow. The API receives the event; what it was is the trigger's output.</summary>
/// <param name="kind"><c>webhook</c>, <c>manual</c>, <c>schedule</c> or <c>polling</c>.</param>
internal sealed class PieceTrigger(
    string name, string title, string description, string kind, IReadOnlyList<PropDescription> props, string sample)
{
    public string Name => name;

    public TriggerDescription Describe()
    {
        using var document = JsonDocument.Parse(sample);
        return new TriggerDescription(name, title, description, kind, props, document.RootElement.Clone());
    }
}
