using Flows.Api.Runs;
using Flows.Api.Webhooks;
using Flows.Api.Workers;
using Flows.Contracts.Runs;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Files;

/// <summary>
/// Files of runs, in chunks of <see cref="HostCalls.ChunkBytes"/>. They lie in the partitions of their runs and are dropped with them. A file
/// that was never finished cannot be read, and goes with its run as well.
/// </summary>
internal sealed class RunFileStore(NpgsqlDataSource db, IOptions<LimitsOptions> limits, TimeProvider clock)
{
    private long MostBytes => (long)limits.Value.FileMiB << 20;
    private long MostRunBytes => (long)limits.Value.RunFilesMiB << 20;

    /// <summary>Whole files of a run that is about to be accepted, all or none.</summary>
    /// <exception cref="BadHttpRequestException">413: they are larger than the files of a run may be.</exception>
    public async Task<IReadOnlyList<FileReference>> AddAsync(Guid runId, IReadOnlyList<FormFileContent> contents, CancellationToken cancel)
    {
        if (contents.Count == 0)
            return [];
        if (contents.Sum(content => (long)content.Bytes.Length) > MostRunBytes)
            throw new BadHttpRequestException($"The files are larger than the {limits.Value.RunFilesMiB} MiB that a run may have (limit: Flows__Limits__RunFilesMiB).", StatusCodes.Status413PayloadTooLarge);
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var now = clock.GetUtcNow();
        var stored = new List<FileReference>();
        foreach (var content in contents)
        {
            var id = new FileId(runId, Guid.CreateVersion7(now));
            var chunks = (content.Bytes.Length + HostCalls.ChunkBytes - 1) / HostCalls.ChunkBytes;
            await using var file = new NpgsqlCommand("INSERT INTO run_files (run_id, id, name, type, size, chunks, finished_at) VALUES ($1, $2, $3, $4, $5, $6, $7)", connection)
            {
                Parameters =
                {
                    RunSql.Value(id.Run, NpgsqlDbType.Uuid), RunSql.Value(id.File, NpgsqlDbType.Uuid), RunSql.Value(content.Name, NpgsqlDbType.Text),
                    RunSql.Value(content.Type, NpgsqlDbType.Text), RunSql.Value((long)content.Bytes.Length, NpgsqlDbType.Bigint),
                    RunSql.Value(chunks, NpgsqlDbType.Integer), RunSql.Value(now, NpgsqlDbType.TimestampTz),
                },
            };
            await file.ExecuteNonQueryAsync(cancel);
            for (var index = 0; index < chunks; index++)
            {
                var data = content.Bytes.Slice(index * HostCalls.ChunkBytes, Math.Min(HostCalls.ChunkBytes, content.Bytes.Length - index * HostCalls.ChunkBytes));
                await using var chunk = new NpgsqlCommand("INSERT INTO run_file_chunks (run_id, file_id, index, data) VALUES ($1, $2, $3, $4)", connection)
                {
                    Parameters =
                    {
                        RunSql.Value(id.Run, NpgsqlDbType.Uuid), RunSql.Value(id.File, NpgsqlDbType.Uuid), RunSql.Value(index, NpgsqlDbType.Integer), RunSql.Value(data, NpgsqlDbType.Bytea),
                    },
                };
                await chunk.ExecuteNonQueryAsync(cancel);
            }
            stored.Add(new FileReference(id.ToString(), content.Name, content.Type, content.Bytes.Length));
        }
        await transaction.CommitAsync(cancel);
        return stored;
    }

    /// <exception cref="HostCallRefusal"/>
    public async Task<FileReference> CreateAsync(HeldCall call, CreateFile file, CancellationToken cancel)
    {
        if (file is not { Name.Length: > 0 and <= 255, Type.Length: > 0 and <= 255 })
            throw new HostCallRefusal("input", "A file has a name and a media type of at most 255 characters.");
        var id = new FileId(call.Run, Guid.CreateVersion7(clock.GetUtcNow()));
        await using var command = call.Command("INSERT INTO run_files (run_id, id, name, type) VALUES ($1, $2, $3, $4)",
            RunSql.Value(id.Run, NpgsqlDbType.Uuid), RunSql.Value(id.File, NpgsqlDbType.Uuid), RunSql.Value(file.Name, NpgsqlDbType.Text), RunSql.Value(file.Type, NpgsqlDbType.Text));
        await command.ExecuteNonQueryAsync(cancel);
        return new FileReference(id.ToString(), file.Name, file.Type, 0);
    }

    /// <summary>Adds the next chunk. One that is there already is left as it is, so that a call whose answer was lost can be repeated.</summary>
    /// <exception cref="HostCallRefusal"/>
    public async Task AppendAsync(HeldCall call, FileChunk chunk, byte[]? data, CancellationToken cancel)
    {
        if (data is not { Length: > 0 and <= HostCalls.ChunkBytes })
            throw new HostCallRefusal("input", $"A chunk has 1 to {HostCalls.ChunkBytes} bytes.");
        var id = Own(call, chunk.File);
        var (name, size, chunks) = await LockAsync(call, id, cancel);
        if (chunk.Index < chunks)
            return;
        if (chunk.Index > chunks || size != (long)chunks * HostCalls.ChunkBytes)
            throw new HostCallRefusal("input", "The chunks of a file come in order, and only the last is short.");
        if (size + data.Length > MostBytes)
            throw new HostCallRefusal("limit", $"The file '{name}' is larger than the {limits.Value.FileMiB} MiB that a file may have (limit: Flows__Limits__FileMiB).");

        await using (var sum = call.Command("SELECT coalesce(sum(size), 0)::bigint FROM run_files WHERE run_id = $1", RunSql.Value(id.Run, NpgsqlDbType.Uuid)))
        {
            if ((long)(await sum.ExecuteScalarAsync(cancel))! + data.Length > MostRunBytes)
                throw new HostCallRefusal("limit", $"The files of the run are larger than the {limits.Value.RunFilesMiB} MiB that a run may have (limit: Flows__Limits__RunFilesMiB).");
        }
        await using var command = call.Command("""
            WITH added AS (INSERT INTO run_file_chunks (run_id, file_id, index, data) VALUES ($1, $2, $3, $4))
            UPDATE run_files SET size = size + length($4), chunks = chunks + 1 WHERE run_id = $1 AND id = $2
            """,
            RunSql.Value(id.Run, NpgsqlDbType.Uuid), RunSql.Value(id.File, NpgsqlDbType.Uuid), RunSql.Value(chunk.Index, NpgsqlDbType.Integer), RunSql.Value(data, NpgsqlDbType.Bytea));
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <exception cref="HostCallRefusal"/>
    public async Task<FileReference> FinishAsync(HeldCall call, string file, CancellationToken cancel)
    {
        var id = Own(call, file);
        await using var command = call.Command(
            "UPDATE run_files SET finished_at = coalesce(finished_at, $3) WHERE run_id = $1 AND id = $2 RETURNING name, type, size",
            RunSql.Value(id.Run, NpgsqlDbType.Uuid), RunSql.Value(id.File, NpgsqlDbType.Uuid), RunSql.Value(clock.GetUtcNow(), NpgsqlDbType.TimestampTz));
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? new FileReference(file, row.GetString(0), row.GetString(1), row.GetInt64(2)) : throw NotFound();
    }

    /// <summary>A finished file of a run of the project: flows that call each other hand their files on.</summary>
    public static async Task<FileReference?> FindAsync(NpgsqlConnection connection, Guid project, FileId id, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT f.name, f.type, f.size FROM run_files f
            WHERE f.run_id = $1 AND f.id = $2 AND f.finished_at IS NOT NULL AND EXISTS (SELECT FROM runs r WHERE r.id = $1 AND r.project_id = $3)
            """, connection)
        {
            Parameters = { RunSql.Value(id.Run, NpgsqlDbType.Uuid), RunSql.Value(id.File, NpgsqlDbType.Uuid), RunSql.Value(project, NpgsqlDbType.Uuid) },
        };
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? new FileReference(id.ToString(), row.GetString(0), row.GetString(1), row.GetInt64(2)) : null;
    }

    /// <summary>One chunk of a file that was found before; null past its end.</summary>
    public static async Task<byte[]?> ReadChunkAsync(NpgsqlConnection connection, FileId id, int index, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT data FROM run_file_chunks WHERE run_id = $1 AND file_id = $2 AND index = $3", connection)
        {
            Parameters = { RunSql.Value(id.Run, NpgsqlDbType.Uuid), RunSql.Value(id.File, NpgsqlDbType.Uuid), RunSql.Value(index, NpgsqlDbType.Integer) },
        };
        return (byte[]?)await command.ExecuteScalarAsync(cancel);
    }

    public static HostCallRefusal NotFound() => new("file_not_found", "There is no such file. Files are kept as long as the run that made them.");

    private static async Task<(string Name, long Size, int Chunks)> LockAsync(HeldCall call, FileId id, CancellationToken cancel)
    {
        await using var command = call.Command("SELECT name, size, chunks FROM run_files WHERE run_id = $1 AND id = $2 AND finished_at IS NULL FOR UPDATE",
            RunSql.Value(id.Run, NpgsqlDbType.Uuid), RunSql.Value(id.File, NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? (row.GetString(0), row.GetInt64(1), row.GetInt32(2)) : throw NotFound();
    }

    // Written is only what belongs to the run that writes.
    private static FileId Own(HeldCall call, string file) => FileId.TryParse(file, out var id) && id.Run == call.Run ? id : throw NotFound();
}
