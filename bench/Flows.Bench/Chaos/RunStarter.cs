using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Flows.Bench.Hosted;

namespace Flows.Bench.Chaos;

/// <summary>A run that a caller was told of.</summary>
internal sealed record StartedRun(Guid Id, CampaignFlow Flow, int Number);

/// <summary>Starts runs over HTTP, as callers do who come back with a new call when they get no answer.</summary>
internal sealed class RunStarter(LocalPlatform platform, IReadOnlyDictionary<CampaignFlow, Guid> flows, TimeProvider clock)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);
    private readonly HttpClient _http = platform.Client(TimeSpan.FromSeconds(20));

    /// <summary>Calls that reached the API and ended without an answer: their runs may exist or not.</summary>
    public int WithoutAnswer => _withoutAnswer;
    private int _withoutAnswer;

    /// <exception cref="TimeoutException">Nobody took the run for two minutes.</exception>
    public async Task<StartedRun> StartAsync(CampaignFlow flow, int number, CancellationToken cancel)
    {
        var since = clock.GetTimestamp();
        while (clock.GetElapsedTime(since) < s_patience)
        {
            try
            {
                using var body = JsonContent.Create(new { n = number });
                using var answer = await _http.PostAsync($"/api/v1/flows/{flows[flow]}/runs", body, cancel);
                if (answer.StatusCode == HttpStatusCode.Accepted)
                    return new StartedRun((await answer.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("id").GetGuid(), flow, number);
                if (answer.StatusCode < HttpStatusCode.InternalServerError && answer.StatusCode != HttpStatusCode.TooManyRequests)
                    throw new InvalidOperationException($"A start was refused with {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(cancel)}");
            }
            catch (Exception error) when (error is HttpRequestException or IOException or TaskCanceledException && !cancel.IsCancellationRequested)
            {
                if (error is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError })
                    Interlocked.Increment(ref _withoutAnswer);
            }
            await Task.Delay(TimeSpan.FromMilliseconds(500), clock, cancel);
        }
        throw new TimeoutException($"Run {number} of '{flow.Name}' was not accepted within {s_patience}.");
    }
}
