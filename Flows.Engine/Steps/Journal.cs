using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;

namespace Flows.Engine.Steps;

/// <summary>The lines of the journal could not be handed over; the run cannot go on in this process.</summary>
internal sealed class JournalException(Exception inner) : IOException($"The journal could not be sent: {inner.Message}", inner);

/// <summary>
/// The engine's side of a run's journal: what earlier attempts have left, and the new lines. Lines are gathered and sent at a
/// barrier, at a flush, after 50 ms, or when there are 64 of them; a line that begins a step is dropped for the one that ends it
/// if it is still here, so a step that is quick costs one line. The line that ends a step comes behind those of the steps
/// inside it: a journal cut off anywhere never says that a loop is done and leaves out its items. Safe for concurrent use.
/// </summary>
internal sealed class Journal : IAsyncDisposable
{
    private const int LinesToSend = 64;
    private static readonly TimeSpan s_timeToSend = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<string, StepRecord> _earlier = new(StringComparer.Ordinal);
    private readonly IRunHost _host;
    private readonly ITimer _timer;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
    private readonly List<StepRecord?> _lines = [];
    private int _count;
    private long _sequence;
    private Exception? _broken;

    public Journal(IEnumerable<StepRecord> earlier, IRunHost host, TimeProvider clock)
    {
        foreach (var line in earlier)
            _earlier[line.Path] = line;
        _host = host;
        _timer = clock.CreateTimer(_ => _ = SendBehindAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// The end an earlier attempt has left, good or bad. Null when the step must be walked: it never started, never ended, or a person's
    /// retry has taken its failed line out of the journal.
    /// </summary>
    public StepRecord? Finished(string path) =>
        _earlier.TryGetValue(path, out var line) && line.IsFinished ? line : null;

    /// <summary>The line of a step that an earlier attempt has started and not finished.</summary>
    public StepRecord? Intent(string path) =>
        _earlier.TryGetValue(path, out var line) && line.Status == StepStatus.Running ? line : null;

    /// <summary>The line of a step that waits, or waits for its next try: then it has the error of the last one.</summary>
    public StepRecord? Paused(string path) =>
        _earlier.TryGetValue(path, out var line) && line.Status == StepStatus.Paused ? line : null;

    /// <summary>Adds a line; it is sent soon.</summary>
    /// <exception cref="JournalException">An earlier line could not be sent.</exception>
    public ValueTask WriteAsync(StepRecord line)
    {
        return Add(line) >= LinesToSend ? new ValueTask(SendAsync(barrier: false)) : default;
    }

    /// <summary>Adds the intent of a step that must not be repeated blindly, and waits until it and everything before it is durable.</summary>
    public async Task BarrierAsync(StepRecord intent, CancellationToken cancel)
    {
        Add(intent);
        var sequence = await SendAsync(barrier: true);
        await _host.DurableAsync(sequence, cancel);
    }

    /// <summary>Sends every line there is, without waiting until they are durable.</summary>
    public Task FlushAsync() => SendAsync(barrier: false);

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        _sending.Dispose();
    }

    private int Add(StepRecord line)
    {
        lock (_lock)
        {
            if (_broken is { } broken)
                throw new JournalException(broken);
            if (_places.TryGetValue(line.Path, out var place))
                _lines[place] = null;
            else
                _count++;
            _places[line.Path] = _lines.Count;
            _lines.Add(line);
            if (_lines.Count == 1)
                _timer.Change(s_timeToSend, Timeout.InfiniteTimeSpan);
            return _count;
        }
    }

    /// <returns>The number of the message that holds the newest line.</returns>
    private async Task<long> SendAsync(bool barrier)
    {
        // One sender at a time, so that numbers and lines leave in order.
        await _sending.WaitAsync();
        try
        {
            List<StepRecord> lines;
            lock (_lock)
            {
                if (_broken is { } broken)
                    throw new JournalException(broken);
                if (_lines.Count == 0 && !barrier)
                    return _sequence;
                lines = new List<StepRecord>(_count);
                foreach (var line in _lines)
                {
                    if (line is not null)
                        lines.Add(line);
                }
                _lines.Clear();
                _places.Clear();
                _count = 0;
            }
            // A barrier whose intent another sender has just taken along still goes out, empty: its number is the one to wait for.
            var message = new JournalLines(++_sequence, barrier, lines);
            try
            {
                await _host.JournalAsync(message);
            }
            catch (IOException error)
            {
                lock (_lock)
                    _broken = error;
                throw new JournalException(error);
            }
            return message.Sequence;
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task SendBehindAsync()
    {
        try
        {
            await SendAsync(barrier: false);
        }
        catch (JournalException)
        {
            // Kept in _broken: the next line that is written meets it.
        }
        catch (ObjectDisposedException)
        {
            // The run ended while the timer was already going off; everything was sent before.
        }
    }
}
