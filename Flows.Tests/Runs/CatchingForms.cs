using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Runs;

/// <summary>Webhooks with a body of the type multipart/form-data.</summary>
[Collection(nameof(Platform))]
public sealed class CatchingForms(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync(new() { ["Flows:Limits:FileMiB"] = "1", ["Flows:Limits:PayloadMiB"] = "3", ["Flows:Limits:RunFilesMiB"] = "2" });
    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Fields_are_texts_and_files_are_files_of_the_run()
    {
        var bytes = Enumerable.Range(0, HostCalls.ChunkBytes + 7).Select(i => (byte)(i % 253)).ToArray();
        using var form = new MultipartFormDataContent
        {
            { new StringContent("Ü & co"), "title" },
            { new StringContent("a"), "tags" },
            { new StringContent("b"), "tags" },
        };
        AddFile(form, "photo", "../up/päge.png", "image/png", bytes);
        AddFile(form, "empty", "nothing.txt", "text/plain", []);
        using var answer = await _host.Anonymous.PostAsync($"/webhooks/{database.Flow}", form);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var run = (await RunsHost.JsonAsync(answer)).GetProperty("runId").GetGuid();

        var trigger = (await _host.ClaimAsync(run))!.Trigger.ToElement();
        var body = trigger.GetProperty("body");
        Assert.Equal(("Ü & co", """["a","b"]"""), (body.GetProperty("title").GetString(), body.GetProperty("tags").GetRawText()));
        var photo = body.GetProperty("photo");
        Assert.Equal(("päge.png", "image/png", bytes.Length), (photo.GetProperty("name").GetString(), photo.GetProperty("type").GetString(), photo.GetProperty("size").GetInt32()));
        Assert.Equal(["photo", "empty"], trigger.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("field").GetString()));
        Assert.Equal(photo.GetProperty("file").GetString(), trigger.GetProperty("files")[0].GetProperty("file").GetString());

        Assert.Equal(bytes, await _host.Api.GetByteArrayAsync($"/api/v1/runs/{run}/files/{photo.GetProperty("file").GetString()}"));
        Assert.Empty(await _host.Api.GetByteArrayAsync($"/api/v1/runs/{run}/files/{body.GetProperty("empty").GetProperty("file").GetString()}"));
    }

    [Theory]
    [InlineData("multipart/form-data", "x", "needs a boundary")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut", "it may be cut off")]
    [InlineData("multipart/form-data; boundary=b", "no boundary at all", "it may be cut off")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "Part 1 of the form has no name")]
    public async Task A_body_that_is_no_form_is_refused_with_its_reason(string contentType, string body, string reason)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        await RefusedAsync(content, HttpStatusCode.BadRequest, reason);
    }

    [Fact]
    public async Task Too_many_parts_are_refused()
    {
        using var form = new MultipartFormDataContent();
        for (var i = 0; i <= 200; i++)
            form.Add(new StringContent("x"), $"f{i}");
        await RefusedAsync(form, HttpStatusCode.BadRequest, "more than 200 parts");
    }

    [Fact]
    public async Task A_file_or_all_of_them_or_a_body_that_is_too_large_is_refused_and_nothing_is_kept()
    {
        using var one = new MultipartFormDataContent();
        AddFile(one, "large", "l.bin", "application/octet-stream", new byte[(1 << 20) + 1]);
        await RefusedAsync(one, HttpStatusCode.RequestEntityTooLarge, "Flows__Limits__FileMiB");

        using var all = new MultipartFormDataContent();
        for (var i = 0; i < 3; i++)
            AddFile(all, $"f{i}", "l.bin", "application/octet-stream", new byte[900_000]);
        await RefusedAsync(all, HttpStatusCode.RequestEntityTooLarge, "Flows__Limits__RunFilesMiB");
        Assert.Equal(0L, await database.ValueAsync<long>("SELECT count(*) FROM run_files WHERE name = 'l.bin'"));
    }

    private static void AddFile(MultipartFormDataContent form, string field, string name, string type, byte[] bytes)
    {
        var file = new ByteArrayContent(bytes);
        file.Headers.ContentType = new MediaTypeHeaderValue(type);
        form.Add(file, field, name);
    }

    private async Task RefusedAsync(HttpContent content, HttpStatusCode status, string reason)
    {
        using var answer = await _host.Anonymous.PostAsync($"/webhooks/{database.Flow}", content);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == status, $"{answer.StatusCode}: {text}");
        Assert.Contains(reason, JsonElement.Parse(text).GetProperty("detail").GetString(), StringComparison.Ordinal);
    }
}
