using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Flows.Contracts.Definitions;

namespace Flows.Api.Webhooks;

/// <summary>What a caller has to present.</summary>
internal enum WebhookProof { None, Hmac, Basic, Header }

/// <summary>The question with which a service makes sure that the address is meant for it.</summary>
internal enum WebhookHandshake { None, Slack, Meta, Microsoft, Query, Field }

/// <summary>A signature: HMAC of <paramref name="Signed"/> under the secret.</summary>
/// <param name="Prefix">Stands before the signature in its header; of several parts with commas between, those that begin with it count.</param>
/// <param name="TimestampHeader">Null: no time is looked at.</param>
/// <param name="Tolerance">How far the caller's time may be from ours, in either direction.</param>
/// <param name="Signed">Text with <c>{body}</c>, and <c>{timestamp}</c> and <c>{url}</c> where the service signs them.</param>
internal sealed record WebhookSignature(
    string Header, string Algorithm, bool Base64, string Prefix, string? TimestampHeader, string TimestampPrefix, TimeSpan Tolerance, string Signed);

/// <summary>The settings of a webhook trigger: who may call, how often, and how the service's handshake is answered.</summary>
/// <param name="Connection">Key of the connection that holds the secret.</param>
/// <param name="Secret">A literal secret; null when a connection has it.</param>
/// <param name="Header">Of <see cref="WebhookProof.Header"/>.</param>
/// <param name="HandshakeName">The query parameter or body field that is sent back.</param>
/// <param name="PerMinute">Null: what the installation says. 0: no limit.</param>
internal sealed record WebhookRules(
    WebhookProof Proof, string? Connection, string? Secret, string? Username, string Header, WebhookSignature? Signature,
    WebhookHandshake Handshake, string HandshakeName, string? VerifyToken, IReadOnlyList<IPNetwork> Allow, int? PerMinute)
{
    public const string Piece = "webhook";
    private const int MaxTextLength = 1024;
    private const int MaxNetworks = 200;

    /// <summary>Everybody may call, as often as the installation allows.</summary>
    public static WebhookRules Open { get; } =
        new(WebhookProof.None, null, null, null, "", null, WebhookHandshake.None, "", null, [], null);

    /// <summary>The field of the connection that holds the secret; null: <c>secret</c>, else <c>token</c>, else <c>password</c>.</summary>
    public string? SecretField { get; init; }

    /// <summary>Whether a call needs to be looked at at all.</summary>
    public bool IsOpen => ReferenceEquals(this, Open);

    /// <summary>True when the secret or the verify token comes out of a connection.</summary>
    public bool NeedsConnection => Connection is not null && (Proof != WebhookProof.None || Handshake == WebhookHandshake.Meta);

    /// <summary>Reads the trigger of a definition. Null: no webhook starts the flow, or the trigger has errors, which are added.</summary>
    /// <param name="path">JSON path of the trigger.</param>
    public static WebhookRules? Read(FlowTrigger trigger, string path, List<DefinitionProblem> problems) =>
        trigger.Piece == Piece ? new Reading(trigger.Input, $"{path}.input", problems).Read() : null;

    private sealed class Reading(JsonElement input, string path, List<DefinitionProblem> problems)
    {
        private int _errors;

        public WebhookRules? Read()
        {
            if (input.ValueKind != JsonValueKind.Object || !input.EnumerateObject().Any())
                return Open;
            var proof = Choice("auth", WebhookProof.None);
            var handshake = Choice("handshake", WebhookHandshake.None);
            var (connection, secret, username) = (Text("connection"), Text("secret"), Text("username"));
            var header = HeaderName("header", proof == WebhookProof.Hmac ? "X-Signature" : "X-Webhook-Secret")!;
            var signature = proof == WebhookProof.Hmac ? Signature(header) : null;
            var verifyToken = Text("verifyToken");
            var handshakeName = Text("handshakeName") ?? "challenge";
            var allow = Networks();
            var perMinute = Whole("perMinute", 0, 10_000_000);

            if (proof != WebhookProof.None && connection is null && secret is null)
                Error("connection", $"With auth '{proof.ToString().ToLowerInvariant()}' name the connection that holds the secret.");
            if (proof == WebhookProof.Basic && connection is null && username is null)
                Error("username", "With auth 'basic' give the user name, or a connection of the kind basic.");
            if (handshake == WebhookHandshake.Meta && connection is null && verifyToken is null)
                Error("verifyToken", "Meta sends the verify token that you gave it: name it, or a connection with the field verifyToken.");
            if (connection is not null && secret is not null)
                Error("secret", "Give either a connection or a secret.");
            if (proof == WebhookProof.None && secret is not null)
                Error("auth", "There is a secret, and auth does not say how callers present it: hmac, basic or header.");
            return _errors > 0
                ? null
                : new WebhookRules(proof, connection, secret, username, header, signature, handshake, handshakeName, verifyToken, allow, perMinute);
        }

        private WebhookSignature Signature(string header)
        {
            var algorithm = Text("algorithm") ?? "sha256";
            if (algorithm is not ("sha1" or "sha256" or "sha512"))
                Error("algorithm", "It must be sha1, sha256 or sha512.");
            var encoding = Text("encoding") ?? "hex";
            if (encoding is not ("hex" or "base64"))
                Error("encoding", "It must be hex or base64.");
            var timestampHeader = HeaderName("timestampHeader", otherwise: null);
            var signed = Text("signed") ?? (timestampHeader is null ? "{body}" : "{timestamp}.{body}");
            if (!signed.Contains("{body}", StringComparison.Ordinal))
                Error("signed", "It must contain {body}: a signature that leaves it out proves nothing about it.");
            if (timestampHeader is not null && !signed.Contains("{timestamp}", StringComparison.Ordinal))
                Error("signed", "It must contain {timestamp}: a time that is not signed can be changed, and the call replayed.");
            if (timestampHeader is null && signed.Contains("{timestamp}", StringComparison.Ordinal))
                Error("timestampHeader", "The signed text has {timestamp}: name the header that holds it.");
            if (!TimeSpan.TryParse(Text("tolerance") ?? "00:05:00", CultureInfo.InvariantCulture, out var tolerance)
                || tolerance < TimeSpan.FromSeconds(1) || tolerance > TimeSpan.FromDays(1))
                Error("tolerance", "It must be a time from 00:00:01 to 1.00:00:00, such as 00:05:00.");
            return new WebhookSignature(header, algorithm, encoding == "base64", Text("prefix") ?? "", timestampHeader, Text("timestampPrefix") ?? "", tolerance, signed);
        }

        private List<IPNetwork> Networks()
        {
            var networks = new List<IPNetwork>();
            if (!input.TryGetProperty("allow", out var list) || list.ValueKind != JsonValueKind.Array)
                return networks;
            if (list.GetArrayLength() > MaxNetworks)
                Error("allow", $"At most {MaxNetworks} entries are allowed.");
            var index = 0;
            foreach (var entry in list.EnumerateArray().Take(MaxNetworks))
            {
                var text = TextOf(entry) ?? "";
                if (IPNetwork.TryParse(text, out var network))
                    networks.Add(network);
                else if (IPAddress.TryParse(text, out var address))
                    networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
                else
                    Error($"allow[{index}]", $"'{text}' is no address and no range such as 203.0.113.0/24 or 2001:db8::/32.");
                index++;
            }
            return networks;
        }

        private T Choice<T>(string name, T otherwise) where T : struct, Enum
        {
            if (Text(name) is not { } text)
                return otherwise;
            foreach (var value in Enum.GetValues<T>())
            {
                if (value.ToString().Equals(text, StringComparison.OrdinalIgnoreCase))
                    return value;
            }
            Error(name, $"It must be one of {string.Join(", ", Enum.GetNames<T>().Select(known => known.ToLowerInvariant()))}.");
            return otherwise;
        }

        private string? HeaderName(string name, string? otherwise)
        {
            var text = Text(name);
            if (text is not null && (text.Length is 0 or > 100 || !text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
                Error(name, $"'{text}' is no name of a header.");
            return text ?? otherwise;
        }

        private int? Whole(string name, int least, int most)
        {
            if (!input.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
                return null;
            if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least && number <= most)
                return number;
            Error(name, $"It must be a whole number from {least} to {most}.");
            return null;
        }

        /// <summary>Null when it is left out, null or empty. Other types are the catalogue's to refuse.</summary>
        private string? Text(string name)
        {
            if (!input.TryGetProperty(name, out var value) || TextOf(value) is not { Length: > 0 } text)
                return null;
            if (text.Length > MaxTextLength)
                Error(name, $"It has more than {MaxTextLength} characters.");
            return text;
        }

        private static string? TextOf(JsonElement value)
        {
            try
            {
                return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            }
            catch (InvalidOperationException)
            {
                return null; // half of a surrogate pair, which the definition's own check reports
            }
        }

        private void Error(string name, string message)
        {
            _errors++;
            problems.Add(new DefinitionProblem($"{path}.{name}", message));
        }
    }
}

/// <summary>The rules of published versions, which never change: read once each. The memory is emptied when it is full.</summary>
internal sealed class WebhookRuleBook
{
    private const int MaxVersions = 10_000;
    private readonly ConcurrentDictionary<Guid, WebhookRules?> _known = new();

    /// <param name="input">The trigger's input as JSON; null for none.</param>
    /// <returns>Null when the settings cannot be read: nobody may call then.</returns>
    public WebhookRules? Of(Guid versionId, string? input)
    {
        if (input is null)
            return WebhookRules.Open;
        if (_known.TryGetValue(versionId, out var rules))
            return rules;
        if (_known.Count >= MaxVersions)
            _known.Clear();
        return _known[versionId] = Read(input);
    }

    public static WebhookRules? Read(string? input) => input is null
        ? WebhookRules.Open
        : WebhookRules.Read(new FlowTrigger("trigger", WebhookRules.Piece, "catch", JsonElement.Parse(input)), "$.trigger", []);
}
