namespace Flows.Engine.Pieces.Webhook;

/// <summary>Starts a flow with an HTTP request.</summary>
internal sealed class WebhookPiece() : Piece("webhook", "Webhook", "Starts a flow when its address is called.")
{
    public override IReadOnlyList<PieceTrigger> Triggers =>
    [
        new("catch", "Catch a request", "Any method on the flow's webhook address; the trigger's output is the request.", "webhook", [],
            """
            {
              "method": "POST",
              "path": "",
              "query": { "source": "shop" },
              "headers": { "content-type": "application/json" },
              "body": { "id": 42 }
            }
            """),
    ];
}
