using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Flows.Api.Files;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Tests.Runs;

/// <summary>What a step asks of the API through its worker, over real HTTP and in a real database.</summary>
[Collection(Platform.Databases)]
public sealed class FilesOfARun(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    private static readonly Dictionary<string, string?> s_small = new() { ["Flows:Limits:FileMiB"] = "1", ["Flows:Limits:RunFilesMiB"] = "2" };

    private static async Task<(HttpStatusCode Status, HostCallResponse? Answer)> CallAsync<T>(
        RunsHost host, Guid run, int attempt, string call, T arguments, JsonTypeInfo<T> type, byte[]? data = null)
    {
        var request = new HostCallRequest("w1", attempt, call, RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(arguments, type)), data);
        using var answer = await host.Worker.PostAsJsonAsync(WorkerRoutes.HostCall.Replace("{runId}", run.ToString(), StringComparison.Ordinal), request, WorkerJson.Default.HostCallRequest);
        return (answer.StatusCode, answer.IsSuccessStatusCode ? await answer.Content.ReadFromJsonAsync(WorkerJson.Default.HostCallResponse) : null);
    }

    private static async Task<FileReference> WriteAsync(RunsHost host, Guid run, string name, params byte[][] chunks)
    {
        var (_, created) = await CallAsync(host, run, 1, HostCalls.CreateFile, new CreateFile(name, "text/html"), HostCallJson.Default.CreateFile);
        var file = JsonSerializer.Deserialize(created!.Result.Utf8.Span, HostCallJson.Default.FileReference)!;
        for (var i = 0; i < chunks.Length; i++)
            Assert.Null((await CallAsync(host, run, 1, HostCalls.AppendFile, new FileChunk(file.File, i), HostCallJson.Default.FileChunk, chunks[i])).Answer!.Error);
        var (_, finished) = await CallAsync(host, run, 1, HostCalls.FinishFile, new FileName(file.File), HostCallJson.Default.FileName);
        return JsonSerializer.Deserialize(finished!.Result.Utf8.Span, HostCallJson.Default.FileReference)!;
    }

    private async Task<Guid> RunningAsync(RunsHost host)
    {
        var run = await host.StartRunAsync(database.Flow);
        Assert.NotNull(await host.ClaimAsync(run));
        return run;
    }

    [Fact]
    public async Task A_file_is_written_in_chunks_read_in_chunks_and_downloaded_as_an_attachment()
    {
        var host = await database.HostAsync();
        var run = await RunningAsync(host);
        var first = Enumerable.Range(0, HostCalls.ChunkBytes).Select(i => (byte)(i % 251)).ToArray();

        var file = await WriteAsync(host, run, "Übersicht.html", first, "<script>"u8.ToArray());

        Assert.Equal(HostCalls.ChunkBytes + 8, file.Size);
        var (_, chunk) = await CallAsync(host, run, 1, HostCalls.ReadFile, new FileChunk(file.File, 1), HostCallJson.Default.FileChunk);
        Assert.Equal("<script>"u8.ToArray(), chunk!.Data);

        using var answer = await host.Api.GetAsync($"/api/v1/runs/{run}/files/{file.File}");
        var downloaded = await answer.Content.ReadAsByteArrayAsync();
        Assert.Equal([.. first, .. "<script>"u8], downloaded);
        Assert.Equal("text/html", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal("attachment", answer.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Equal("Übersicht.html", answer.Content.Headers.ContentDisposition.FileNameStar);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);

        using var stranger = await host.Anonymous.GetAsync($"/api/v1/runs/{run}/files/{file.File}");
        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
        using var elsewhere = await host.Api.GetAsync($"/api/v1/runs/{Guid.CreateVersion7()}/files/{file.File}");
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
    }

    [Fact]
    public async Task A_chunk_that_comes_twice_is_in_the_file_once_and_one_out_of_order_is_refused()
    {
        var host = await database.HostAsync();
        var run = await RunningAsync(host);
        var (_, created) = await CallAsync(host, run, 1, HostCalls.CreateFile, new CreateFile("a", "text/plain"), HostCallJson.Default.CreateFile);
        var file = JsonSerializer.Deserialize(created!.Result.Utf8.Span, HostCallJson.Default.FileReference)!;
        for (var i = 0; i < 2; i++)
            Assert.Null((await CallAsync(host, run, 1, HostCalls.AppendFile, new FileChunk(file.File, 0), HostCallJson.Default.FileChunk, "abc"u8.ToArray())).Answer!.Error);

        var early = await CallAsync(host, run, 1, HostCalls.AppendFile, new FileChunk(file.File, 2), HostCallJson.Default.FileChunk, "x"u8.ToArray());
        var unread = await CallAsync(host, run, 1, HostCalls.OpenFile, new FileName(file.File), HostCallJson.Default.FileName);

        Assert.Equal("input", early.Answer!.Error!.Code);
        Assert.Equal("file_not_found", unread.Answer!.Error!.Code); // not finished
        Assert.Equal(3, await database.ValueAsync<long>("SELECT size FROM run_files WHERE run_id = $1", run));
    }

    [Fact]
    public async Task A_call_of_a_claim_that_is_lost_is_refused_and_leaves_nothing()
    {
        var host = await database.HostAsync();
        var run = await RunningAsync(host);

        var (status, _) = await CallAsync(host, run, 0, HostCalls.CreateFile, new CreateFile("a", "text/plain"), HostCallJson.Default.CreateFile);

        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Equal(0, await database.ValueAsync<long>("SELECT count(*) FROM run_files WHERE run_id = $1", run));
    }

    [Fact]
    public async Task A_file_over_the_limit_is_refused_with_the_name_of_the_setting_and_so_are_too_many()
    {
        await using var host = await RunsHost.StartAsync(database, s_small);
        var run = await RunningAsync(host);
        var chunk = new byte[HostCalls.ChunkBytes];
        var whole = await WriteAsync(host, run, "whole", chunk, chunk, chunk, chunk);

        var over = await CallAsync(host, run, 1, HostCalls.CreateFile, new CreateFile("over", "text/plain"), HostCallJson.Default.CreateFile);
        var file = JsonSerializer.Deserialize(over.Answer!.Result.Utf8.Span, HostCallJson.Default.FileReference)!;
        for (var i = 0; i < 4; i++)
            await CallAsync(host, run, 1, HostCalls.AppendFile, new FileChunk(file.File, i), HostCallJson.Default.FileChunk, chunk);
        var fifth = await CallAsync(host, run, 1, HostCalls.AppendFile, new FileChunk(file.File, 4), HostCallJson.Default.FileChunk, chunk);
        var third = await CallAsync(host, run, 1, HostCalls.CreateFile, new CreateFile("third", "text/plain"), HostCallJson.Default.CreateFile);
        var thirdFile = JsonSerializer.Deserialize(third.Answer!.Result.Utf8.Span, HostCallJson.Default.FileReference)!;
        var total = await CallAsync(host, run, 1, HostCalls.AppendFile, new FileChunk(thirdFile.File, 0), HostCallJson.Default.FileChunk, chunk);

        Assert.Equal(1 << 20, whole.Size);
        Assert.Contains("Flows__Limits__FileMiB", fifth.Answer!.Error!.Message, StringComparison.Ordinal);
        Assert.Contains("Flows__Limits__RunFilesMiB", total.Answer!.Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_another_project_is_not_found()
    {
        var host = await database.HostAsync();
        var run = await RunningAsync(host);
        var stranger = new FileId(Guid.CreateVersion7(), Guid.CreateVersion7());
        await database.ExecuteAsync("INSERT INTO run_files (run_id, id, name, type, finished_at) VALUES ($1, $2, 'theirs', 'text/plain', now())", stranger.Run, stranger.File);

        var (_, answer) = await CallAsync(host, run, 1, HostCalls.OpenFile, new FileName(stranger.ToString()), HostCallJson.Default.FileName);

        Assert.Equal("file_not_found", answer!.Error!.Code);
    }

    [Fact]
    public async Task Stored_values_outlive_the_run_and_belong_to_the_flow_or_to_the_project()
    {
        var host = await database.HostAsync();
        var (flow, _) = await database.PublishAsync(RunsDatabase.Definition);
        var first = await RunningAsync(host);
        var other = await host.StartRunAsync(flow);
        Assert.NotNull(await host.ClaimAsync(other));

        await CallAsync(host, first, 1, HostCalls.StoragePut, new StoredValue(false, "last", RawJson.Parse("""{"id":7}""")), HostCallJson.Default.StoredValue);
        await CallAsync(host, first, 1, HostCalls.StoragePut, new StoredValue(true, "shared", RawJson.Parse("1")), HostCallJson.Default.StoredValue);

        Assert.Equal("""{"id":7}""", await GetAsync(first, false, "last"));
        Assert.Equal("null", await GetAsync(other, false, "last"));
        Assert.Equal("1", await GetAsync(other, true, "shared"));
        var (_, keys) = await CallAsync(host, first, 1, HostCalls.StorageList, new StoredKeys(false, "la", null, 10), HostCallJson.Default.StoredKeys);
        Assert.Equal("""["last"]""", keys!.Result.ToString());
        var (_, gone) = await CallAsync(host, first, 1, HostCalls.StorageDelete, new StoredKey(false, "last"), HostCallJson.Default.StoredKey);
        Assert.Equal("true", gone!.Result.ToString());
        Assert.Equal("null", await GetAsync(first, false, "last"));

        async Task<string> GetAsync(Guid run, bool project, string key) =>
            (await CallAsync(host, run, 1, HostCalls.StorageGet, new StoredKey(project, key), HostCallJson.Default.StoredKey)).Answer!.Result.ToString();
    }

    [Fact]
    public async Task A_number_is_added_to_once_for_each_idempotency_key_and_by_all_callers_at_once()
    {
        var host = await database.HostAsync();
        var run = await RunningAsync(host);

        Task<(HttpStatusCode, HostCallResponse? Answer)> AddAsync(string key, string step, decimal by = 1) =>
            CallAsync(host, run, 1, HostCalls.StorageIncrement, new StoredIncrement(true, key, by, $"{run}:{step}"), HostCallJson.Default.StoredIncrement);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => AddAsync("visits", $"count[{i}]")));
        var again = await AddAsync("visits", "count[3]");
        var next = await AddAsync("visits", "half", 0.5m);
        await CallAsync(host, run, 1, HostCalls.StoragePut, new StoredValue(true, "text", RawJson.Parse("\"a\"")), HostCallJson.Default.StoredValue);
        var text = await AddAsync("text", "text");

        Assert.InRange(decimal.Parse(again.Answer!.Result.ToString(), System.Globalization.CultureInfo.InvariantCulture), 1, 20);
        Assert.Equal("20.5", next.Answer!.Result.ToString());
        Assert.Equal("not_a_number", text.Answer!.Error!.Code);
    }

    [Fact]
    public async Task A_value_or_key_over_its_limit_is_refused()
    {
        var host = await database.HostAsync();
        var run = await RunningAsync(host);
        var large = RawJson.Parse($"\"{new string('x', HostCalls.LargestValue)}\"");

        var value = await CallAsync(host, run, 1, HostCalls.StoragePut, new StoredValue(false, "k", large), HostCallJson.Default.StoredValue);
        var key = await CallAsync(host, run, 1, HostCalls.StoragePut, new StoredValue(false, new string('k', 129), RawJson.Parse("1")), HostCallJson.Default.StoredValue);

        Assert.Equal("limit", value.Answer!.Error!.Code);
        Assert.Equal("input", key.Answer!.Error!.Code);
    }

    [Fact]
    public async Task A_project_keeps_so_many_values_and_no_more_and_may_change_those_it_has()
    {
        await using var host = await RunsHost.StartAsync(database, new() { ["Flows:Limits:StoredValues"] = "2", ["Flows:Limits:StoredMiB"] = "1" });
        await database.ExecuteAsync("DELETE FROM stored_values");
        var run = await RunningAsync(host);
        async Task<StepError?> PutAsync(string key, string json) =>
            (await CallAsync(host, run, 1, HostCalls.StoragePut, new StoredValue(true, key, RawJson.Parse(json)), HostCallJson.Default.StoredValue)).Answer!.Error;

        Assert.Null(await PutAsync("a", "1"));
        Assert.Null(await PutAsync("b", "1"));
        var third = await PutAsync("c", "1");
        Assert.Equal(("limit", "The project keeps 2 values, which is as many as it may (limit: Flows__Limits__StoredValues)."), (third!.Code, third.Message));
        Assert.Null(await PutAsync("b", "2"));
        var (_, increment) = await CallAsync(host, run, 1, HostCalls.StorageIncrement, new StoredIncrement(false, "n", 1, "k"), HostCallJson.Default.StoredIncrement);
        Assert.Equal("limit", increment!.Error!.Code);
    }

    [Fact]
    public async Task The_values_of_a_project_are_so_large_together_and_no_larger()
    {
        await using var host = await RunsHost.StartAsync(database, new() { ["Flows:Limits:StoredMiB"] = "1" });
        await database.ExecuteAsync("DELETE FROM stored_values");
        var run = await RunningAsync(host);
        StepError? refused = null;
        for (var i = 0; i < 4 && refused is null; i++)
        {
            // Random, so that Postgres cannot make it smaller.
            var value = RawJson.Parse($"\"{Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(300_000))}\"");
            refused = (await CallAsync(host, run, 1, HostCalls.StoragePut, new StoredValue(true, $"v{i}", value), HostCallJson.Default.StoredValue)).Answer!.Error;
        }
        Assert.Contains("Flows__Limits__StoredMiB", refused!.Message, StringComparison.Ordinal);
    }
}
