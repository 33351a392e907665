using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine.Pieces;

/// <summary>What happens before the first statement, against a server of ours that follows the protocol up to there, and then answers everything with one row.</summary>
public sealed class PostgresOverTls : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _over = new();
    private readonly X509Certificate2 _certificate;
    private readonly string _pem;
    private string? _password;

    public PostgresOverTls()
    {
        (_certificate, _pem) = LocalhostCertificate.Make();
        _listener.Start();
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _listener.Dispose();
        _certificate.Dispose();
        _over.Dispose();
    }

    [Fact]
    public async Task A_server_whose_certificate_is_trusted_is_told_the_password()
    {
        var serving = ServeAsync('S');
        Assert.Equal("ada@shop", (await TestAsync("tls", _pem)).Account);
        Assert.Equal("s3cret", _password);
        await serving.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_server_with_a_certificate_of_nobody_is_told_nothing()
    {
        var serving = ServeAsync('S');
        var refused = await TestAsync("tls", pem: null);
        Assert.Contains("no secure connection to localhost:", refused.Error!.Message, StringComparison.Ordinal);
        Assert.False(refused.IsTransient);
        await serving.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Null(_password);
    }

    [Fact]
    public async Task A_server_without_tls_is_left()
    {
        var serving = ServeAsync('N');
        Assert.Contains("does not speak TLS", (await TestAsync("tls", _pem)).Error!.Message, StringComparison.Ordinal);
        await serving.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_password_is_not_sent_in_clear()
    {
        var serving = ServeAsync(null);
        var refused = await TestAsync("none", pem: null);
        Assert.Equal("postgres: the server asks for the password in clear, which is sent over TLS only.", refused.Error!.Message);
        await serving.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Null(_password);
    }

    [Fact]
    public async Task What_is_no_postgres_is_said_so()
    {
        var serving = Task.Run(async () =>
        {
            using var client = await _listener.AcceptTcpClientAsync(_over.Token);
            await client.GetStream().WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
            await client.GetStream().ReadAtLeastAsync(new byte[1024], 1, throwOnEndOfStream: false);
        });
        Assert.Contains("something else than the protocol of PostgreSQL", (await TestAsync("none", pem: null)).Error!.Message, StringComparison.Ordinal);
        await serving.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private async Task<PieceAnswer> TestAsync(string security, string? pem)
    {
        using var http = OpenNetwork.CreateHttp();
        var connection = JsonSerializer.Serialize(new Dictionary<string, string?>
        {
            ["host"] = "localhost",
            ["port"] = $"{((IPEndPoint)_listener.LocalEndpoint).Port}",
            ["security"] = security,
            ["username"] = "ada",
            ["password"] = "s3cret",
            ["database"] = "shop",
            ["certificate"] = pem ?? "",
        });
        return await new PieceCalls(PieceCatalog.All, http, TimeProvider.System).AnswerAsync(
            new PieceRequest(Guid.CreateVersion7(), PieceCallKind.Test, null, "postgres", "", RawJson.Parse("{}"), RawJson.Parse(connection), 30_000, 1 << 20), CancellationToken.None);
    }

    /// <summary>One connection.</summary>
    /// <param name="tls">The answer to the wish for TLS; null when none is expected.</param>
    private async Task ServeAsync(char? tls)
    {
        try
        {
            using var client = await _listener.AcceptTcpClientAsync(_over.Token);
            Stream stream = client.GetStream();
            if (tls is { } answer)
            {
                await stream.ReadExactlyAsync(new byte[8]);
                await stream.WriteAsync(new[] { (byte)answer });
                if (answer != 'S')
                    return;
                var secure = new SslStream(stream);
                await secure.AuthenticateAsServerAsync(_certificate);
                stream = secure;
            }
            await ReadAsync(stream, hasType: false);
            await SendAsync(stream, 'R', [0, 0, 0, 3]);
            if (await ReadAsync(stream) is not ('p', var password))
                return;
            _password = Encoding.UTF8.GetString(password).TrimEnd('\0');
            await SendAsync(stream, 'R', [0, 0, 0, 0]);
            await SendAsync(stream, 'S', "server_version\017.0\0"u8.ToArray());
            await SendAsync(stream, 'Z', [(byte)'I']);
            while (await ReadAsync(stream) is ({ } type, _) && type != 'X')
            {
                if (type == 'S')
                {
                    await SendAsync(stream, 'T', [0, 1, (byte)'a', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]);
                    await SendAsync(stream, 'D', [0, 1, 0, 0, 0, 8, .. "ada@shop"u8]);
                }
                if (type is 'S' or 'Q')
                {
                    await SendAsync(stream, 'C', "SET\0"u8.ToArray());
                    await SendAsync(stream, 'Z', [(byte)'I']);
                }
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            // The client has gone, as some of these shall.
        }
    }

    private static async Task<(char? Type, byte[] Body)?> ReadAsync(Stream stream, bool hasType = true)
    {
        var head = new byte[hasType ? 5 : 4];
        if (await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false) < head.Length)
            return null;
        var body = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(head.Length - 4)) - 4];
        await stream.ReadExactlyAsync(body);
        return (hasType ? (char)head[0] : null, body);
    }

    private static async Task SendAsync(Stream stream, char type, byte[] body)
    {
        var message = new byte[5 + body.Length];
        message[0] = (byte)type;
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), body.Length + 4);
        body.CopyTo(message, 5);
        await stream.WriteAsync(message);
    }
}
