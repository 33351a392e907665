using System.Text;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Email;

/// <summary>
/// One SMTP session (RFC 5321) with STARTTLS (RFC 3207) and AUTH PLAIN and LOGIN (RFC 4954). What is sent in commands was checked for line
/// breaks before. Answers are bounded.
/// </summary>
internal sealed class SmtpClient(ServerConnection server, Stream stream) : IAsyncDisposable
{
    private const int LongestLine = 2_000;
    private const int MostLines = 100;
    private readonly byte[] _buffer = new byte[4096];
    private Stream _stream = stream;
    private int _start;
    private int _end;

    /// <summary>Greets, secures and signs in.</summary>
    /// <exception cref="PieceException">The server refused, or cannot do what the connection asks for.</exception>
    public async Task BeginAsync(CancellationToken cancel)
    {
        await ExpectAsync("the greeting", 220, cancel);
        var offers = await HelloAsync(cancel);
        if (server.Security == "starttls")
        {
            if (!offers.Any(offer => offer.Equals("STARTTLS", StringComparison.OrdinalIgnoreCase)))
                throw PieceException.Final($"{server.Host} offers no STARTTLS; mail is not sent over it in the clear. The connection's 'security' may be tls, or none in a network of your own.", "smtp_security");
            await AskAsync("STARTTLS", "STARTTLS", 220, cancel);
            // What came before TLS was not the server's word: somebody between may have added it.
            if (_start != _end)
                throw PieceException.Final($"{server.Host} sent more than an answer before TLS began.", "smtp_security");
            _stream = await server.SecureAsync(_stream, cancel);
            offers = await HelloAsync(cancel);
        }
        if (server.Username is { } user)
            await SignInAsync(user, server.Password ?? "", offers, cancel);
    }

    /// <summary>Hands one message over. When this returns the server has taken the responsibility for it.</summary>
    /// <param name="from">Address without name.</param>
    /// <exception cref="PieceException">The sender, a recipient or the message was refused.</exception>
    public async Task SendAsync(string from, IReadOnlyList<string> recipients, Func<Stream, CancellationToken, Task> write, CancellationToken cancel)
    {
        await AskAsync($"MAIL FROM:<{from}>", $"the sender <{from}>", 250, cancel);
        foreach (var recipient in recipients)
            await AskAsync($"RCPT TO:<{recipient}>", $"the recipient <{recipient}>", 250, cancel);
        await AskAsync("DATA", "the message", 354, cancel);
        await write(_stream, cancel);
        await AskAsync("\r\n.", "the message", 250, cancel);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            // Politeness only: the message is the server's already, or never will be.
            await _stream.WriteAsync("QUIT\r\n"u8.ToArray(), CancellationToken.None);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It is gone.
        }
        await _stream.DisposeAsync();
    }

    private async Task<IReadOnlyList<string>> HelloAsync(CancellationToken cancel) => [.. (await AskAsync("EHLO flows", "EHLO", 250, cancel)).Skip(1)];

    private async Task SignInAsync(string user, string password, IReadOnlyList<string> offers, CancellationToken cancel)
    {
        var kinds = offers.Where(offer => offer.StartsWith("AUTH ", StringComparison.OrdinalIgnoreCase)).SelectMany(offer => offer.Split(' ')).Skip(1).ToHashSet(StringComparer.OrdinalIgnoreCase);
        if (kinds.Contains("PLAIN"))
            await AskAsync($"AUTH PLAIN {Base64($"\0{user}\0{password}")}", "the user name and password", 235, cancel);
        else if (kinds.Contains("LOGIN"))
        {
            await AskAsync("AUTH LOGIN", "AUTH LOGIN", 334, cancel);
            await AskAsync(Base64(user), "the user name", 334, cancel);
            await AskAsync(Base64(password), "the user name and password", 235, cancel);
        }
        else
            throw PieceException.Final($"{server.Host} offers neither AUTH PLAIN nor AUTH LOGIN here, and the connection has a user name.", "smtp_auth");
    }

    /// <param name="about">What is refused when it is; never the command itself, which may hold a password.</param>
    private async Task<List<string>> AskAsync(string command, string about, int expected, CancellationToken cancel)
    {
        await _stream.WriteAsync(Encoding.UTF8.GetBytes(command + "\r\n"), cancel);
        await _stream.FlushAsync(cancel);
        return await ExpectAsync(about, expected, cancel);
    }

    private async Task<List<string>> ExpectAsync(string about, int expected, CancellationToken cancel)
    {
        var lines = new List<string>();
        for (var code = 0; ;)
        {
            var line = await LineAsync(cancel);
            if (lines.Count == MostLines || line.Length < 3 || !int.TryParse(line.AsSpan(0, 3), System.Globalization.NumberStyles.None, null, out code))
                throw PieceException.Final($"{server.Host}:{server.Port} sent something that is not SMTP.", "smtp_protocol");
            lines.Add(line.Length > 4 ? line[4..] : "");
            if (line.Length > 3 && line[3] == '-')
                continue;
            if (code == expected || (expected == 250 && code == 251))
                return lines;
            var message = $"{server.Host} refused {about} with {code}: {Steps.ValueText.Of(Expressions.Value.Of(string.Join(' ', lines)))}.";
            throw code is >= 400 and < 500 ? PieceException.Transient(message, "smtp_busy") : PieceException.Final(message, code == 535 ? "smtp_auth" : "smtp_refused");
        }
    }

    private async Task<string> LineAsync(CancellationToken cancel)
    {
        var line = new StringBuilder();
        while (true)
        {
            if (_start == _end)
            {
                _start = 0;
                _end = await _stream.ReadAsync(_buffer, cancel);
                if (_end == 0)
                    throw new IOException("the server closed the connection");
            }
            var next = (char)_buffer[_start++];
            if (next == '\n')
                return line.ToString().TrimEnd('\r');
            if (line.Append(char.IsAscii(next) ? next : '?').Length > LongestLine)
                throw PieceException.Final($"{server.Host}:{server.Port} sent a line that is too long.", "smtp_protocol");
        }
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
