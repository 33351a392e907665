using System.IO.Compression;
using System.Text.Json;
using Flows.Contracts.Json;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs.Values;

/// <summary>Gives large values back.</summary>
internal sealed class RunValues(NpgsqlDataSource db)
{
    /// <summary>The values that these references name, in one query. One that is gone is left out.</summary>
    public async Task<Dictionary<(Guid RunId, Guid Id), RawJson>> ReadAsync(IReadOnlyCollection<(Guid RunId, Guid Id)> asked, CancellationToken cancel)
    {
        var values = new Dictionary<(Guid, Guid), RawJson>(asked.Count);
        if (asked.Count == 0)
            return values;
        await using var command = db.CreateCommand(
            "SELECT v.run_id, v.id, v.size, v.encoding, v.data FROM unnest($1::uuid[], $2::uuid[]) AS a(run_id, id) JOIN run_values v USING (run_id, id)");
        command.Parameters.Add(RunSql.Array(asked.Select(ask => ask.RunId).ToArray(), NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Array(asked.Select(ask => ask.Id).ToArray(), NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            values[(row.GetGuid(0), row.GetGuid(1))] = RawJson.FromUtf8(Unpack(row.GetInt32(2), (ValueEncoding)row.GetInt16(3), row.GetFieldValue<byte[]>(4)));
        return values;
    }

    /// <summary>One value; null (JSON) when it is gone.</summary>
    public async Task<RawJson> WholeAsync(Guid runId, Guid id, CancellationToken cancel) =>
        (await ReadAsync([(runId, id)], cancel)).TryGetValue((runId, id), out var value) ? value : RawJson.Null;

    /// <summary>What a column stands for: itself, or the value that it refers to.</summary>
    public async Task<RawJson?> WholeAsync(Guid runId, RawJson? stored, CancellationToken cancel)
    {
        return ValueReference.Read(stored) is { } reference ? await WholeAsync(runId, reference.Id, cancel) : stored;
    }

    /// <summary>The news with the answer and the output themselves, for whoever sends them on.</summary>
    public async Task<RunNews> WholeAsync(RunNews news, CancellationToken cancel) =>
        !ValueReference.IsOne(news.Response) && !ValueReference.IsOne(news.Output)
            ? news
            : news with { Response = await WholeAsync(news.RunId, news.Response, cancel), Output = await WholeAsync(news.RunId, news.Output, cancel) };

    /// <summary>Opens a value to be sent on as it is read, so that it is never unpacked as a whole here. Null: there is none.</summary>
    public async Task<OpenValue?> OpenAsync(Guid runId, Guid id, CancellationToken cancel)
    {
        var connection = await db.OpenConnectionAsync(cancel);
        var command = new NpgsqlCommand("SELECT v.size, v.encoding, v.data FROM run_values v WHERE v.run_id = $1 AND v.id = $2", connection)
        { Parameters = { RunSql.Value(runId, NpgsqlDbType.Uuid), RunSql.Value(id, NpgsqlDbType.Uuid) } };
        NpgsqlDataReader? row = null;
        var isHandedOn = false;
        try
        {
            row = await command.ExecuteReaderAsync(System.Data.CommandBehavior.SequentialAccess, cancel);
            if (await row.ReadAsync(cancel))
            {
                var (size, encoding) = (row.GetInt32(0), (ValueEncoding)row.GetInt16(1));
                var data = await row.GetStreamAsync(2, cancel);
                var opened = new OpenValue(size, encoding == ValueEncoding.Brotli ? new BrotliStream(data, CompressionMode.Decompress) : data, row, command, connection);
                isHandedOn = true;
                return opened;
            }
            return null;
        }
        finally
        {
            if (!isHandedOn)
            {
                if (row is not null)
                    await row.DisposeAsync();
                await command.DisposeAsync();
                await connection.DisposeAsync();
            }
        }
    }

    private static byte[] Unpack(int size, ValueEncoding encoding, byte[] data)
    {
        if (encoding == ValueEncoding.Plain)
            return data;
        var json = new byte[size];
        return BrotliDecoder.TryDecompress(data, json, out var written) && written == size
            ? json
            : throw new JsonException("A stored value cannot be unpacked.");
    }
}

/// <summary>A value that is being read; holds a connection until it is disposed.</summary>
/// <param name="size">Bytes of the JSON.</param>
internal sealed class OpenValue(int size, Stream json, NpgsqlDataReader row, NpgsqlCommand command, NpgsqlConnection connection) : IAsyncDisposable
{
    public int Size => size;
    public Stream Json => json;

    public async ValueTask DisposeAsync()
    {
        await json.DisposeAsync();
        await row.DisposeAsync();
        await command.DisposeAsync();
        await connection.DisposeAsync();
    }
}
