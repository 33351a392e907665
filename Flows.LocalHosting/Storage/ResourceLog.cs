using System.Text;
using System.Threading.Channels;

namespace Flows.LocalHosting.Storage;

/// <summary>A line a process has written.</summary>
/// <param name="Number">Counts from 1 within the resource.</param>
/// <param name="Source">The id of the replica.</param>
internal sealed record LogLine(long Number, DateTimeOffset At, string Source, string Text, bool IsError);

/// <summary>What one resource writes: the last lines in memory, all of them (up to a size) in a file, and live to who listens.</summary>
internal sealed class ResourceLog(string file, SecretMask mask, TimeProvider clock) : IDisposable
{
    private const int KeptLines = 2000;
    private const long LargestFile = 8 * 1024 * 1024;

    private readonly Lock gate = new();
    private readonly Queue<LogLine> lines = new(KeptLines);
    private readonly List<Channel<LogLine>> listeners = [];
    private StreamWriter? writer;
    private long count;

    public void Write(string source, string text, bool isError)
    {
        lock (gate)
        {
            var line = new LogLine(++count, clock.GetUtcNow(), source, mask.Apply(text), isError);
            if (lines.Count == KeptLines)
                lines.Dequeue();
            lines.Enqueue(line);
            Append(line);
            foreach (var listener in listeners)
                listener.Writer.TryWrite(line);
        }
    }

    public IReadOnlyList<LogLine> Last(int most)
    {
        lock (gate)
            return [.. lines.TakeLast(most)];
    }

    /// <summary>The kept lines after this number, then each new one. A listener that is too slow misses the oldest.</summary>
    public async IAsyncEnumerable<LogLine> FollowAsync(long after, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var channel = Channel.CreateBounded<LogLine>(new BoundedChannelOptions(KeptLines) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (gate)
        {
            foreach (var line in lines.Where(line => line.Number > after))
                channel.Writer.TryWrite(line);
            listeners.Add(channel);
        }
        try
        {
            await foreach (var line in channel.Reader.ReadAllAsync(cancel))
                yield return line;
        }
        finally
        {
            lock (gate)
                listeners.Remove(channel);
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            writer?.Dispose();
            writer = null;
            foreach (var listener in listeners)
                listener.Writer.TryComplete();
        }
    }

    private void Append(LogLine line)
    {
        try
        {
            writer ??= Open();
            if (writer.BaseStream.Length > LargestFile)
            {
                writer.Dispose();
                File.Move(file, file + ".1", overwrite: true);
                writer = Open();
            }
            writer.WriteLine($"{line.At:yyyy-MM-ddTHH:mm:ss.fffZ} {line.Source}{(line.IsError ? " ! " : "   ")}{line.Text}");
            writer.Flush();
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // A full disk must not take the application with it; the lines in memory remain.
        }
    }

    private StreamWriter Open() => new(new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete), new UTF8Encoding(false));
}
