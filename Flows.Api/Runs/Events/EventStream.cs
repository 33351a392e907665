using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text;
using Npgsql;

namespace Flows.Api.Runs.Events;

/// <summary>Server-sent events. Bound from <c>Flows:Events</c>.</summary>
public sealed class EventOptions
{
    public const string Section = "Flows:Events";

    /// <summary>Streams of one project that one API instance holds open at the same time. 100 by default.</summary>
    [Range(1, 100_000)]
    public int StreamsPerProject { get; set; } = 100;
}

/// <summary>Something that a stream tells.</summary>
/// <param name="Kind">The event's name.</param>
/// <param name="Key">Whose state it is; an event is sent when the state of its key is another one than was sent last.</param>
internal sealed record Told(string Kind, string Key, string State, DateTimeOffset ChangedAt, byte[] Json);

/// <param name="Told">In the order in which they are sent.</param>
/// <param name="IsOver">Nothing more will come.</param>
/// <param name="HasGap">There was more than one look gives.</param>
/// <param name="IsMoving">A worker is at it, so that the next change may come at any moment.</param>
internal sealed record EventLook(IReadOnlyList<Told> Told, bool IsOver, bool HasGap, bool IsMoving = false);

/// <summary>Counts the streams of each project on this instance, and ends them when the process stops.</summary>
internal sealed class EventPlaces(Microsoft.Extensions.Options.IOptions<EventOptions> options, IHostApplicationLifetime lifetime)
{
    private readonly ConcurrentDictionary<Guid, int> _open = new();

    /// <summary>Canceled when this process is told to stop: whoever listens connects again, to another.</summary>
    public CancellationToken Stopping => lifetime.ApplicationStopping;

    public int Limit => options.Value.StreamsPerProject;

    /// <summary>Null when the project has as many as it may; else dispose it at the end of the stream.</summary>
    public IDisposable? TryTake(Guid projectId)
    {
        if (_open.AddOrUpdate(projectId, 1, static (_, open) => open + 1) > Limit)
        {
            Leave(projectId);
            return null;
        }
        return new Place(this, projectId);
    }

    private void Leave(Guid projectId) => _open.AddOrUpdate(projectId, 0, static (_, open) => open - 1);

    private sealed class Place(EventPlaces owner, Guid projectId) : IDisposable
    {
        public void Dispose() => owner.Leave(projectId);
    }
}

/// <summary>
/// Tells changes as they come (text/event-stream). The rows in Postgres are looked at when this instance has written a report of the run, five
/// times a second while a worker is at it, twice a second while something else happens and every two seconds otherwise, so it does not matter
/// which replica a change was made on, and nothing is lost that a message would lose. The id of an event is the time of the newest change told
/// so far. A stream that goes on after an id tells again what changed up to a minute before it, because the rows' times are those of workers and
/// are committed a little later: an event says how something stands, so hearing it twice is harmless.
/// </summary>
/// <param name="look">What has changed after a moment.</param>
/// <param name="after">The time in the last id that the caller has; the Unix epoch for none.</param>
/// <param name="listener">Hears of what this instance writes; null for a stream that only looks now and then.</param>
internal sealed class EventStream(
    Func<DateTimeOffset, CancellationToken, Task<EventLook>> look, DateTimeOffset after, IDisposable place, RunListener? listener, TimeProvider clock,
    CancellationToken stopping) : IResult
{
    /// <summary>Ends the id of the last event of a stream that is over.</summary>
    public const string EndMark = "-end";
    private static readonly TimeSpan s_slack = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_leastPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_pauseOfMoving = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_heartbeat = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_longestStream = TimeSpan.FromHours(1);
    private const int MaxKeys = 10_000;

    private readonly Dictionary<string, (string State, DateTimeOffset At)> _sent = new(StringComparer.Ordinal);
    private DateTimeOffset _newest = after;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        using var taken = place;
        using var hears = listener;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(httpContext.RequestAborted, stopping);
        var response = httpContext.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache, no-store";
        response.Headers["X-Accel-Buffering"] = "no"; // proxies that gather answers would keep the events
        try
        {
            await TellAsync(response, ends.Token);
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // The listener has gone, or this process stops.
        }
        catch (NpgsqlException) when (response.HasStarted)
        {
            // Postgres is away for the moment: the listener connects again and goes on after the last id.
        }
    }

    private async Task TellAsync(HttpResponse response, CancellationToken cancel)
    {
        var (began, spoke, pause) = (clock.GetTimestamp(), clock.GetTimestamp(), s_shortestPause);
        var isFirst = true;
        while (clock.GetElapsedTime(began) < s_longestStream)
        {
            var found = await look(_newest - DateTimeOffset.UnixEpoch > s_slack ? _newest - s_slack : DateTimeOffset.UnixEpoch, cancel);
            var text = Events(found);
            if (isFirst)
                text.Insert(0, "retry: 2000\n\n");
            else if (text.Length == 0 && clock.GetElapsedTime(spoke) >= s_heartbeat)
                text.Append(": still here\n\n");
            pause = text.Length > 0 ? s_shortestPause : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, s_longestPause.Ticks));
            if (text.Length > 0)
            {
                await response.WriteAsync(text.ToString(), cancel);
                await response.Body.FlushAsync(cancel);
                spoke = clock.GetTimestamp();
            }
            if (found.IsOver)
                return;
            isFirst = false;
            await PauseAsync(found.IsMoving ? s_pauseOfMoving : pause, cancel);
        }
    }

    /// <summary>Ends sooner when there is word of the run, but never so soon that a run of many small steps is looked at all the time.</summary>
    private async Task PauseAsync(TimeSpan pause, CancellationToken cancel)
    {
        if (listener is null)
        {
            await Task.Delay(pause, clock, cancel);
            return;
        }
        await Task.Delay(s_leastPause, clock, cancel);
        using var isOver = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await Task.WhenAny(Task.Delay(pause - s_leastPause, clock, isOver.Token), listener.NextAsync(isOver.Token));
        await isOver.CancelAsync();
        cancel.ThrowIfCancellationRequested();
    }

    private StringBuilder Events(EventLook found)
    {
        var text = new StringBuilder();
        if (found.HasGap)
            Append(text, "gap", "{}", mark: "");
        for (var i = 0; i < found.Told.Count; i++)
        {
            var told = found.Told[i];
            var isEnd = found.IsOver && i == found.Told.Count - 1;
            if (!isEnd && _sent.TryGetValue(told.Key, out var sent) && sent.State == told.State)
                continue;
            _sent[told.Key] = (told.State, told.ChangedAt);
            if (told.ChangedAt > _newest)
                _newest = told.ChangedAt;
            Append(text, told.Kind, Encoding.UTF8.GetString(told.Json), isEnd ? EndMark : "");
        }
        if (_sent.Count > MaxKeys)
        {
            // What is older than the slack is not found any more, so it need not be known.
            foreach (var (key, (_, at)) in _sent.ToList())
            {
                if (at < _newest - s_slack)
                    _sent.Remove(key);
            }
        }
        return text;
    }

    private void Append(StringBuilder text, string kind, string json, string mark) => text
        .Append("id: ").Append(_newest.UtcTicks.ToString(CultureInfo.InvariantCulture)).Append(mark)
        .Append("\nevent: ").Append(kind)
        .Append("\ndata: ").Append(json).Append("\n\n");

    /// <summary>The time in an id of ours. Null: it is none.</summary>
    public static DateTimeOffset? Parse(string id)
    {
        var digits = id.EndsWith(EndMark, StringComparison.Ordinal) ? id[..^EndMark.Length] : id;
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var ticks)
            && ticks >= DateTimeOffset.UnixEpoch.UtcTicks && ticks < DateTimeOffset.MaxValue.UtcTicks - TimeSpan.TicksPerDay
                ? new DateTimeOffset(ticks, TimeSpan.Zero)
                : null;
    }
}
