using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.Network;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces;

/// <summary>A server that speaks another protocol than HTTP, as a connection describes it.</summary>
/// <param name="Security"><c>tls</c>, <c>starttls</c> or <c>none</c>.</param>
/// <param name="Certificate">PEM of the certificate, or of its issuer, where the server's is not publicly trusted.</param>
internal sealed record ServerConnection(string Host, int Port, string Security, string? Username, string? Password, string? Certificate)
{
    /// <summary>The fields of the form.</summary>
    public static IReadOnlyList<PropDescription> Fields(int port, IReadOnlyList<string> security) =>
    [
        Prop.Text("host", "Host", required: true),
        Prop.Integer("port", "Port", otherwise: port),
        Prop.Select("security", "Security", security, security[0]),
        Prop.Text("username", "User name"),
        Prop.Secret("password", "Password"),
        Prop.Multiline("certificate", "Certificate", help: "PEM of the server's certificate or of its issuer, where it is not publicly trusted."),
    ];

    /// <exception cref="PieceException">The step names no connection, or one that lacks a field.</exception>
    public static ServerConnection Of(PieceContext context, int port, string security)
    {
        if (context.Connection is not { } connection || connection.ToElement() is not { ValueKind: JsonValueKind.Object } fields)
            throw PieceException.Input("the step needs a connection with a 'host'.");
        var given = Text(fields, "port") is { } text
            ? int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 65535
                ? number : throw PieceException.Input("the connection's 'port' must be a number from 1 to 65535.")
            : port;
        return new ServerConnection(
            Text(fields, "host") ?? throw PieceException.Input("the connection has no 'host'."),
            given, Text(fields, "security") ?? security, Text(fields, "username"), Text(fields, "password"), Text(fields, "certificate"));
    }

    /// <summary>Opens it, with TLS when the connection says <c>tls</c>.</summary>
    /// <exception cref="PieceException">Nobody answers, or the certificate is not trusted.</exception>
    public async Task<Stream> OpenAsync(PieceContext context, CancellationToken cancel)
    {
        Stream stream;
        try
        {
            stream = await context.Network.ConnectAsync(Host, Port, cancel);
        }
        catch (NetworkRefusedException refused)
        {
            throw PieceException.Final($"no connection to {Host}:{Port}: {refused.Message}", NetworkRefusedException.Code);
        }
        catch (Exception error) when (error is SocketException or TimeoutException or IOException)
        {
            throw PieceException.Transient($"no connection to {Host}:{Port} ({(error as SocketException)?.SocketErrorCode.ToString() ?? error.Message.TrimEnd('.')}).", StepErrorCodes.Network);
        }
        return Security == "tls" ? await SecureAsync(stream, cancel) : stream;
    }

    /// <summary>TLS from end to end on an open connection.</summary>
    /// <exception cref="PieceException">The certificate is not trusted, or the other side does not speak TLS.</exception>
    public async Task<Stream> SecureAsync(Stream stream, CancellationToken cancel)
    {
        var secure = new SslStream(stream, leaveInnerStreamOpen: false);
        try
        {
            await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = Host, CertificateChainPolicy = Trust() }, cancel);
            return secure;
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            await secure.DisposeAsync();
            throw PieceException.Final($"no secure connection to {Host}:{Port}: {error.Message.TrimEnd('.')}.", StepErrorCodes.Network);
        }
    }

    private X509ChainPolicy? Trust()
    {
        if (string.IsNullOrWhiteSpace(Certificate))
            return null;
        try
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPem(Certificate);
            return policy;
        }
        catch (CryptographicException)
        {
            throw PieceException.Input("the connection's 'certificate' is not a certificate in PEM.");
        }
    }

    private static string? Text(JsonElement fields, string name) => !fields.TryGetProperty(name, out var value) ? null : value.ValueKind switch
    {
        JsonValueKind.String => value.GetString() is { Length: > 0 } text ? text : null,
        JsonValueKind.Number => value.GetRawText(),
        _ => null,
    };
}
