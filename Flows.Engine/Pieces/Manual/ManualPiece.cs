namespace Flows.Engine.Pieces.Manual;

/// <summary>Starts a flow by hand or through the API.</summary>
internal sealed class ManualPiece() : Piece("manual", "Manual", "Starts a flow by hand, from another program, or from the editor.")
{
    public override IReadOnlyList<PieceTrigger> Triggers =>
    [
        new HostTrigger("run", "Run by hand", "Starts with the JSON that is given with the run; it is the trigger's output.", "manual", [], "{}"),
    ];
}
