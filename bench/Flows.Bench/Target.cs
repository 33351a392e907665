using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Flows.Bench;

/// <summary>The Flows under load: its address and a key, given by `./flows bench` in FLOWS_API and FLOWS_API_KEY.</summary>
internal sealed class Target(HttpClient http)
{
    public HttpClient Http => http;

    public static Target FromEnvironment()
    {
        var api = Environment.GetEnvironmentVariable("FLOWS_API") ?? throw new InvalidOperationException("FLOWS_API is not set; run ./flows bench.");
        var key = Environment.GetEnvironmentVariable("FLOWS_API_KEY") ?? throw new InvalidOperationException("FLOWS_API_KEY is not set; run ./flows bench.");
        var address = new Uri(api);
        if (!address.IsLoopback)
            throw new InvalidOperationException($"{api} is not on this machine; benchmarks send load to loopback only.");
        var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return new Target(http);
    }

    /// <summary>Creates and publishes a flow. Returns its id.</summary>
    public async Task<Guid> PublishAsync(string name, string definition)
    {
        using var body = JsonContent.Create(new { name, definition = JsonElement.Parse(definition) });
        using var created = await http.PostAsync("/api/v1/flows", body);
        created.EnsureSuccessStatusCode();
        var id = (await created.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetGuid();
        using var published = await http.PostAsync($"/api/v1/flows/{id}/publish", content: null);
        published.EnsureSuccessStatusCode();
        return id;
    }
}
