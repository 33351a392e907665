using System.Text;

namespace Flows.Worker.Sandbox;

/// <summary>
/// Reads a child's standard error to its end, keeps the last of it, and logs the first lines. A child that floods it costs reading, no memory.
/// </summary>
internal sealed partial class ErrorOutput(ILogger logger, LogLevel level)
{
    private const int TailBytes = 8 * 1024;
    private const int LoggedBytes = 16 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<byte[]> _tail = [];
    private int _tailLength;
    private int _logged;

    /// <summary>The last few KiB.</summary>
    public string Tail
    {
        get
        {
            lock (_lock)
                return Encoding.UTF8.GetString(_tail.SelectMany(part => part).ToArray());
        }
    }

    /// <summary>Ends when the stream does; never faults.</summary>
    public async Task ReadAsync(Stream stream)
    {
        var buffer = new byte[4096];
        try
        {
            int count;
            while ((count = await stream.ReadAsync(buffer)) > 0)
                Take(buffer.AsSpan(0, count));
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // The child was disposed while it was still writing.
        }
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            _tail.Enqueue(bytes.ToArray());
            _tailLength += bytes.Length;
            while (_tailLength - _tail.Peek().Length >= TailBytes)
                _tailLength -= _tail.Dequeue().Length;
        }

        if (_logged >= LoggedBytes || !logger.IsEnabled(level))
            return;
        _logged += bytes.Length;
        var text = Encoding.UTF8.GetString(bytes).TrimEnd();
        LogErrorOutput(logger, level, text);
        if (_logged >= LoggedBytes)
            LogErrorOutput(logger, level, "(this process has written a lot to its standard error; the rest is not logged)");
    }

    [LoggerMessage(Message = "Child process: {Text}")]
    private static partial void LogErrorOutput(ILogger logger, LogLevel level, string text);
}
