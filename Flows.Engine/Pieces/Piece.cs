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

    /// <summary>Lists that props name as the source of their options.</summary>
    public virtual IReadOnlyList<OptionSource> Sources => [];

    /// <summary>Whether <see cref="TestAsync"/> can be asked.</summary>
    public virtual bool CanTest => false;

    /// <summary>Finds out, without changing anything, whether the service takes the connection.</summary>
    /// <returns>Whom it takes the connection for, in words for people; empty when it does not say.</returns>
    /// <exception cref="PieceException">It does not, or cannot be asked.</exception>
    public virtual Task<string> TestAsync(PieceContext context, CancellationToken cancel) =>
        throw PieceException.Input($"connections of the piece '{name}' cannot be tested.");

    public PieceDescription Describe() => new(
        name, title, description, Auth, [.. Actions.Select(action => action.Describe())], [.. Triggers.Select(trigger => trigger.Describe())], CanTest);
}
