using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Bench.Hosted;

/// <summary>One thing that a flow has done to the world.</summary>
/// <param name="Ticket">Number of the entry, from 1; the answer that the step gets.</param>
/// <param name="Key">The idempotency key: run and path.</param>
/// <param name="Value">What the step sent.</param>
internal sealed record LedgerEntry(int Ticket, string Key, string? Value, DateTimeOffset At)
{
    public Guid Run => Guid.TryParse(Key.Split(':', 2)[0], out var run) ? run : Guid.Empty;
    public string Path => Key.Split(':', 2) is [_, var path] ? path : "";
}

/// <summary>
/// The world outside of Flows: an HTTP service that writes down each call and forgets nothing. <c>/write</c> writes and answers with the ticket;
/// <c>/flaky</c> refuses the first call of each key with 503 and writes nothing; <c>/slow</c> writes, then takes its time to answer.
/// </summary>
internal sealed class Ledger : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Lock _lock = new();
    private readonly List<LedgerEntry> _entries = [];
    private readonly Dictionary<string, List<LedgerEntry>> _byKey = [];
    private readonly HashSet<string> _refused = [];
    private readonly TimeProvider _clock;

    private Ledger(WebApplication app, TimeProvider clock) => (_app, _clock) = (app, clock);

    public string Address => _app.Urls.Single();
    /// <summary>How long <c>/slow</c> takes to answer.</summary>
    public TimeSpan Slowness { get; set; } = TimeSpan.FromMilliseconds(400);

    public static async Task<Ledger> StartAsync(TimeProvider clock)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var ledger = new Ledger(app, clock);
        app.Run(ledger.AnswerAsync);
        await app.StartAsync();
        return ledger;
    }

    public IReadOnlyList<LedgerEntry> Entries
    {
        get
        {
            lock (_lock)
                return [.. _entries];
        }
    }

    /// <summary>What was written under a key.</summary>
    public IReadOnlyList<LedgerEntry> Of(string key)
    {
        lock (_lock)
            return _byKey.TryGetValue(key, out var entries) ? [.. entries] : [];
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        // Read before anything is written down: a caller that dies while it sends has sent nothing.
        using var body = await JsonDocument.ParseAsync(http.Request.Body, cancellationToken: http.RequestAborted);
        var value = body.RootElement.TryGetProperty("value", out var sent) ? sent.GetRawText() : null;
        if (Take(http.Request.Path, http.Request.Headers["Idempotency-Key"].ToString(), value) is not { } entry)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }
        if (http.Request.Path == "/slow")
            await Task.Delay(Slowness, _clock, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync($$"""{"ticket":{{entry.Ticket}}}""");
    }

    private LedgerEntry? Take(PathString path, string key, string? value)
    {
        lock (_lock)
        {
            if (path == "/flaky" && _refused.Add(key))
                return null;
            var entry = new LedgerEntry(_entries.Count + 1, key, value, _clock.GetUtcNow());
            _entries.Add(entry);
            if (!_byKey.TryGetValue(key, out var sameKey))
                _byKey[key] = sameKey = [];
            sameKey.Add(entry);
            return entry;
        }
    }
}
