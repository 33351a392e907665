using System.Net;
using System.Net.Http.Json;
using Flows.Bench.Hosted;

namespace Flows.Bench.Chaos;

/// <summary>
/// The person whom Flows asks about uncertain effects. They look into the ledger and say what they see: it happened, with this output, or do it
/// again. One run in five they leave waiting until the end of the campaign.
/// </summary>
internal sealed class DecidingPerson(LocalPlatform platform, Ledger ledger, CampaignDatabase database, TimeProvider clock)
{
    private readonly HttpClient _http = platform.Client(TimeSpan.FromSeconds(20));

    public int Happened { get; private set; }
    public int Repeated { get; private set; }

    /// <summary>True for a run whose question stays open until the end.</summary>
    public static bool IsLeftWaiting(Guid run) => run.ToByteArray()[15] % 5 == 0;

    public async Task WorkAsync(CancellationToken over)
    {
        try
        {
            while (true)
            {
                await DecideAsync(leaveSome: true, over);
                await Task.Delay(TimeSpan.FromMilliseconds(500), clock, over);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // The campaign is over.
        }
    }

    /// <summary>Answers every question that is open now. What cannot be answered at the moment is still open afterwards.</summary>
    public async Task DecideAsync(bool leaveSome, CancellationToken cancel)
    {
        foreach (var (run, path) in await database.UndecidedAsync(cancel))
        {
            if (leaveSome && IsLeftWaiting(run))
                continue;
            var written = ledger.Of($"{run:D}:{path}");
            var decision = written is [var entry, ..]
                ? JsonContent.Create(new { path, decision = "happened", output = new { status = 200, body = new { ticket = entry.Ticket } } })
                : (HttpContent)JsonContent.Create(new { path, decision = "repeat" });
            try
            {
                using var answer = await _http.PostAsync($"/api/v1/runs/{run}/decide", decision, cancel);
                // A conflict: the answer to an earlier try was lost, and the run has gone on.
                if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.Conflict or HttpStatusCode.BadRequest) && (int)answer.StatusCode < 500)
                    throw new InvalidOperationException($"The decision on {run} was refused with {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(cancel)}");
                if (answer.StatusCode == HttpStatusCode.OK)
                    (Happened, Repeated) = written.Count > 0 ? (Happened + 1, Repeated) : (Happened, Repeated + 1);
            }
            catch (Exception error) when (error is HttpRequestException or IOException or TaskCanceledException && !cancel.IsCancellationRequested)
            {
                // The API was killed: asked again the next time.
            }
            finally
            {
                decision.Dispose();
            }
        }
    }
}
