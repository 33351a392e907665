using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Flows.Tests.EndToEnd;

/// <summary>The public API as a user's program would call it.</summary>
internal sealed class FlowsClient(HttpClient http, string apiKey)
{
    /// <summary>The plain client, for requests that are wrong on purpose.</summary>
    public HttpClient Http => http;

    public string Key => apiKey;

    /// <summary>The same Flows with another key.</summary>
    public FlowsClient With(string key) => new(http, key);

    /// <summary>Creates and publishes a flow. Returns its id.</summary>
    public async Task<Guid> PublishAsync(string name, string definition)
    {
        var created = await SendAsync(HttpMethod.Post, "/api/v1/flows", $$"""{ "name": "{{name}}", "definition": {{definition}} }""");
        var id = created.GetProperty("id").GetGuid();
        await SendAsync(HttpMethod.Post, $"/api/v1/flows/{id}/publish", body: null);
        return id;
    }

    /// <summary>Sends with the key and gives the JSON of a 2xx answer.</summary>
    public async Task<JsonElement> SendAsync(HttpMethod method, string path, string? body)
    {
        using var answer = await AskAsync(method, path, body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path} answered {(int)answer.StatusCode}: {text}");
        return text.Length == 0 ? default : JsonElement.Parse(text);
    }

    /// <summary>Sends with the key and gives whatever comes.</summary>
    public async Task<HttpResponseMessage> AskAsync(HttpMethod method, string path, string? body)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        return await http.SendAsync(request);
    }

    /// <summary>The body of an answer, as text.</summary>
    public async Task<string> TextAsync(string path)
    {
        using var answer = await AskAsync(HttpMethod.Get, path, null);
        return await answer.Content.ReadAsStringAsync();
    }

    /// <summary>Starts a run and does not wait for it. Returns its id.</summary>
    public async Task<Guid> StartAsync(Guid flow, string payload = "{}") =>
        (await SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/runs", payload)).GetProperty("id").GetGuid();

    public Task<JsonElement> RunAsync(Guid run) => SendAsync(HttpMethod.Get, $"/api/v1/runs/{run}", null);

    /// <summary>The journal, as a list.</summary>
    public async Task<List<JsonElement>> StepsAsync(Guid run) =>
        [.. (await SendAsync(HttpMethod.Get, $"/api/v1/runs/{run}/steps", null)).GetProperty("items").EnumerateArray()];

    /// <summary>Asks until the run satisfies the condition; fails with the run as it is after the limit.</summary>
    public async Task<JsonElement> UntilAsync(Guid run, Func<JsonElement, bool> condition, int seconds = 60)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            var now = await RunAsync(run);
            if (condition(now))
                return now;
            try
            {
                await tick.WaitForNextTickAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"The run did not get there within {seconds} s: {now}");
            }
        }
    }

    public Task<JsonElement> UntilFinalAsync(Guid run, int seconds = 60) =>
        UntilAsync(run, now => now.GetProperty("finishedAt").ValueKind == JsonValueKind.String, seconds);
}
