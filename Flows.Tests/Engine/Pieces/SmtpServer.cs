using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Flows.Tests.Engine.Pieces;

/// <summary>An SMTP server on this machine that takes one kind of conversation and keeps what it was told.</summary>
internal sealed class SmtpServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate;
    private readonly CancellationTokenSource _over = new();
    private readonly Task _serving;
    private readonly string _offers;
    private readonly Func<string, string?> _refuse;

    /// <param name="offers">What EHLO offers under TLS; without it STARTTLS is offered only.</param>
    /// <param name="refuse">Answers a command instead of the server; null lets it through.</param>
    public SmtpServer(string offers = "AUTH PLAIN LOGIN", bool startTls = true, Func<string, string?>? refuse = null)
    {
        (_certificate, Pem) = LocalhostCertificate.Make();
        (_offers, StartTls, _refuse) = (offers, startTls, refuse ?? (_ => null));
        _listener.Start();
        _serving = ServeAsync();
    }

    public bool StartTls { get; }
    public string Pem { get; }
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;
    public List<string> Commands { get; } = [];
    public string Message { get; private set; } = "";

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_over.Token);
                await TalkAsync(client.GetStream());
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The test is over.
        }
    }

    private async Task TalkAsync(Stream stream)
    {
        try
        {
            var isSecure = false;
            await SayAsync(stream, "220 mail.example ESMTP");
            while (await LineAsync(stream) is { } line)
            {
                Commands.Add(line);
                if (_refuse(line) is { } refusal)
                    await SayAsync(stream, refusal);
                else if (line.StartsWith("EHLO", StringComparison.Ordinal))
                    await SayAsync(stream, isSecure || !StartTls ? $"250-mail.example\r\n250 {_offers}" : "250-mail.example\r\n250 STARTTLS");
                else if (line == "STARTTLS")
                {
                    await SayAsync(stream, "220 go on");
                    var secure = new SslStream(stream);
                    await secure.AuthenticateAsServerAsync(_certificate);
                    (stream, isSecure) = (secure, true);
                }
                else if (line == "AUTH LOGIN")
                    await SayAsync(stream, "334 VXNlcm5hbWU6");
                else if (line.StartsWith("AUTH PLAIN", StringComparison.Ordinal))
                    await SayAsync(stream, "235 welcome");
                else if (line == "DATA")
                {
                    await SayAsync(stream, "354 send it");
                    var message = new StringBuilder();
                    while (await LineAsync(stream) is { } text && text != ".")
                        message.Append(text).Append("\r\n");
                    Message = message.ToString();
                    await SayAsync(stream, "250 queued");
                }
                else if (line == "QUIT")
                    return;
                else
                    await SayAsync(stream, Commands.Count > 1 && Commands[^2] == "AUTH LOGIN" ? "334 UGFzc3dvcmQ6" : Commands.Count > 2 && Commands[^3] == "AUTH LOGIN" ? "235 welcome" : "250 fine");
            }
        }
        catch (Exception error) when (error is IOException or System.Security.Authentication.AuthenticationException)
        {
            // The client went away, or did not trust us.
        }
    }

    private static async Task<string?> LineAsync(Stream stream)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (await stream.ReadAsync(one) == 1)
        {
            if (one[0] == '\n')
                return Encoding.UTF8.GetString([.. line]).TrimEnd('\r');
            line.Add(one[0]);
        }
        return null;
    }

    private static async Task SayAsync(Stream stream, string text) => await stream.WriteAsync(Encoding.ASCII.GetBytes(text + "\r\n"));

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _listener.Dispose();
        await _serving;
        _over.Dispose();
        _certificate.Dispose();
    }
}
