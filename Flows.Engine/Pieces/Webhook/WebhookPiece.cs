namespace Flows.Engine.Pieces.Webhook;

/// <summary>Starts a flow with an HTTP request. The API takes the call; what is described here is what it reads of the trigger.</summary>
internal sealed class WebhookPiece() : Piece("webhook", "Webhook", "Starts a flow when its address is called.")
{
    public override IReadOnlyList<PieceTrigger> Triggers =>
    [
        new HostTrigger("catch", "Catch a request", "Any method on the flow's webhook address; the trigger's output is the request.", "webhook",
            [
                Prop.Select("auth", "Callers present", ["none", "hmac", "basic", "header"], "none",
                    "A signature of the body (hmac), a user name and a password, or a secret in a header"),
                Prop.Text("connection", "Connection with the secret",
                    help: "Key of a connection: its field secret or token, or username and password. It is not handed to the flow"),
                Prop.Secret("secret", "Secret", "Only to try things out: whoever reads the flow reads it. Name a connection instead"),
                Prop.Text("username", "User name", help: "For basic, when the connection has none"),
                Prop.Text("header", "Header", help: "Holds the signature or the secret. X-Signature or X-Webhook-Secret when left out"),
                Prop.Select("algorithm", "Algorithm of the signature", ["sha1", "sha256", "sha512"], "sha256"),
                Prop.Select("encoding", "Encoding of the signature", ["hex", "base64"], "hex"),
                Prop.Text("prefix", "Prefix of the signature", help: "What stands before it in the header: sha256= for GitHub, v0= for Slack, v1= for Stripe"),
                Prop.Text("timestampHeader", "Header with the time", help: "Calls whose time is too far from ours are refused, so that an old one cannot be sent again"),
                Prop.Text("timestampPrefix", "Prefix of the time", help: "t= where the time stands beside the signature, as with Stripe"),
                Prop.Duration("tolerance", "Tolerance", "00:05:00", "How far the caller's time may be from ours"),
                Prop.Text("signed", "Signed text", help: "What the service signs: {body}, {timestamp}.{body}, v0:{timestamp}:{body} …; {url} is the address"),
                Prop.Select("handshake", "Handshake", ["none", "slack", "meta", "microsoft", "query", "field"], "none",
                    "Answers a service that asks whether the address is meant for it: query and field send back what stands under the name below"),
                Prop.Text("handshakeName", "Name in the handshake", otherwise: "challenge", help: "The query parameter or the field of the body that is sent back"),
                Prop.Text("verifyToken", "Verify token", help: "Of Meta's handshake, when the connection has none"),
                Prop.List("allow", "Addresses that may call", help: "Addresses and ranges such as 203.0.113.0/24; everybody when left out"),
                Prop.Integer("perMinute", "Calls a minute", help: "More are refused with 429. What the installation says when left out; 0 is no limit"),
            ],
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
