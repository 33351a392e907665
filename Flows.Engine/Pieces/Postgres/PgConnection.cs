using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Postgres;

/// <summary>
/// One connection in the frontend/backend protocol 3.0 (https://www.postgresql.org/docs/current/protocol.html): a message is a letter, a length
/// that counts itself, and a body. Every value travels as text, so what the server sends is what it would print.
/// </summary>
internal sealed class PgConnection : IAsyncDisposable
{
    private const int ProtocolVersion = 196_608;
    private const int SslRequest = 80_877_103;
    /// <summary>Room for what surrounds a value in the largest row that is allowed.</summary>
    private const int MessageRoom = 1 << 20;

    private readonly Stream _stream;
    private readonly long _maxBytes;
    private readonly byte[] _head = new byte[5];

    private PgConnection(Stream stream, long maxBytes) => (_stream, _maxBytes) = (stream, maxBytes);

    /// <param name="maxBytes">The largest result.</param>
    /// <exception cref="PieceException">The server cannot be reached, does not speak TLS, or does not let us in.</exception>
    public static async Task<PgConnection> OpenAsync(ServerConnection server, string database, PieceContext context, CancellationToken cancel)
    {
        var stream = await (server with { Security = "none" }).OpenAsync(context, cancel);
        PgConnection? open = null;
        try
        {
            if (server.Security == "tls")
                stream = await SecureAsync(stream, server, cancel);
            var connection = new PgConnection(stream, context.MaxBytes);
            await connection.StartAsync(server, database, cancel);
            return open = connection;
        }
        finally
        {
            if (open is null)
                await stream.DisposeAsync();
        }
    }

    // Postgres has words of its own before TLS begins.
    private static async Task<Stream> SecureAsync(Stream stream, ServerConnection server, CancellationToken cancel)
    {
        var request = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(request, 8);
        BinaryPrimitives.WriteInt32BigEndian(request.AsSpan(4), SslRequest);
        await stream.WriteAsync(request, cancel);
        var answer = new byte[1];
        await stream.ReadExactlyAsync(answer, cancel);
        return answer[0] == 'S'
            ? await server.SecureAsync(stream, cancel)
            : throw PieceException.Final($"{server.Host}:{server.Port} does not speak TLS; set the connection's security to none only where the network between is trusted.", StepErrorCodes.Network);
    }

    private async Task StartAsync(ServerConnection server, string database, CancellationToken cancel)
    {
        var user = server.Username ?? throw PieceException.Input("the connection has no 'username'.");
        var start = new PgMessage();
        start.Int32(ProtocolVersion);
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)[("user", user), ("database", database), ("client_encoding", "UTF8"), ("application_name", "flows")])
        {
            start.Text(name);
            start.Text(value);
        }
        start.Byte(0);
        await _stream.WriteAsync(start.Framed(type: null), cancel);
        var signIn = new PgSignIn(user, server.Password ?? "", isSecret: server.Security == "tls");
        while (true)
        {
            var (type, body) = await ReadAsync(cancel);
            if (type == 'Z')
                break;
            if (type == 'R' && signIn.Answer(body) is { } answer)
                await _stream.WriteAsync(answer.Framed('p'), cancel);
        }
        // Times come in one zone and one form, whatever the server's own are.
        await RunAsync("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'", cancel);
    }

    /// <summary>Runs statements of ours, without parameters and results.</summary>
    public async Task RunAsync(string sql, CancellationToken cancel)
    {
        var query = new PgMessage();
        query.Text(sql);
        await _stream.WriteAsync(query.Framed('Q'), cancel);
        while ((await ReadAsync(cancel)).Type != 'Z')
        {
        }
    }

    /// <summary>Runs one statement. Its text and its parameters travel apart.</summary>
    /// <param name="maxRows">Beyond them the server is asked for no more; 0: all.</param>
    /// <exception cref="PieceException">The server refuses it, or the rows are too large.</exception>
    public async Task<PgResult> QueryAsync(string sql, IReadOnlyList<Value>? parameters, int maxRows, CancellationToken cancel)
    {
        await _stream.WriteAsync(PgMessage.Statement(sql, parameters ?? [], maxRows), cancel);
        IReadOnlyList<(string Name, int Type)> columns = [];
        var rows = new List<Value[]>();
        var (affected, isSuspended, left) = (0L, false, _maxBytes);
        PieceException? refusal = null;
        while (true)
        {
            var (type, body) = await ReadAsync(cancel, error => refusal ??= error);
            switch (type)
            {
                case 'Z':
                    return refusal is null ? new PgResult(columns, rows, affected, isSuspended) : throw refusal;
                case 'T':
                    columns = new PgReader(body).Columns();
                    break;
                case 'D':
                    if ((left -= body.Length) < 0)
                        throw PieceException.Final($"the rows have more than {_maxBytes} bytes, which is the largest output a step may have (limit: Flows__Limits__PayloadMiB).", StepErrorCodes.Limit);
                    rows.Add(PgValues.Row(new PgReader(body), columns));
                    break;
                case 'C':
                    // "INSERT 0 5", "SELECT 3", "CREATE TABLE"
                    var tag = new PgReader(body).Text().Split(' ');
                    affected = long.TryParse(tag[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;
                    break;
                case 's':
                    isSuspended = true;
                    break;
                case 'G' or 'H' or 'W':
                    throw PieceException.Input("'sql': COPY cannot be used here.");
            }
        }
    }

    /// <summary>Says good-bye, so that the server does not log a broken connection.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _stream.WriteAsync(new PgMessage().Framed('X'), CancellationToken.None);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // It is gone already.
        }
        await _stream.DisposeAsync();
    }

    /// <summary>The next message that is no notice.</summary>
    /// <param name="onError">Takes an error behind which the server goes on; without it, it is thrown.</param>
    private async Task<(char Type, byte[] Body)> ReadAsync(CancellationToken cancel, Action<PieceException>? onError = null)
    {
        while (true)
        {
            await _stream.ReadExactlyAsync(_head, cancel);
            var type = (char)_head[0];
            var length = BinaryPrimitives.ReadInt32BigEndian(_head.AsSpan(1)) - 4;
            if (length < 0 || length > _maxBytes + MessageRoom)
            {
                throw type == 'D' && length > 0
                    ? PieceException.Final($"a row has {length} bytes; {_maxBytes} are the largest output a step may have (limit: Flows__Limits__PayloadMiB).", StepErrorCodes.Limit)
                    : PieceException.Final("the server sent something else than the protocol of PostgreSQL.", "postgres_protocol");
            }
            var body = new byte[length];
            await _stream.ReadExactlyAsync(body, cancel);
            switch (type)
            {
                case 'N' or 'S' or 'K' or 'A':
                    continue;
                case 'E' when onError is not null:
                    onError(new PgReader(body).Error());
                    continue;
                case 'E':
                    throw new PgReader(body).Error();
                default:
                    return (type, body);
            }
        }
    }
}

/// <param name="Affected">Rows that the statement has written or read.</param>
/// <param name="IsCut">There were more rows than were asked for.</param>
internal sealed record PgResult(IReadOnlyList<(string Name, int Type)> Columns, IReadOnlyList<Value[]> Rows, long Affected, bool IsCut)
{
    /// <summary>A row as an object; of two columns with one name the second counts.</summary>
    public Value ObjectOf(Value[] row, int columns)
    {
        var fields = new Dictionary<string, Value>(columns, StringComparer.Ordinal);
        for (var i = 0; i < columns; i++)
            fields[Columns[i].Name] = row[i];
        return ValueObject.Of(fields);
    }
}
