using System.Buffers;
using System.Net.Sockets;
using Flows.Contracts.Network;

namespace Flows.Worker.Egress;

/// <summary>Carries bytes between an engine and the host it asked for, in both directions, until both have ended or nothing has moved for too long.</summary>
internal sealed class Bridge : IDisposable
{
    private const int BufferBytes = 32 * 1024;
    // A side that has ended leaves the other one time for its last words, not for ever.
    private static readonly TimeSpan s_lastWords = TimeSpan.FromMinutes(2);

    private readonly NetworkStream _engine;
    private readonly GuardedStream _far;
    private readonly CancellationTokenSource _still;
    private TimeSpan _patience;

    public Bridge(NetworkStream engine, GuardedStream far, TimeSpan idle, TimeProvider clock)
    {
        (_engine, _far, _patience) = (engine, far, idle);
        _still = new CancellationTokenSource(idle, clock);
    }

    /// <exception cref="IOException">A side broke off, or the limit of bytes was reached.</exception>
    /// <exception cref="OperationCanceledException">Nothing moved for too long, or it was cancelled.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel, _still.Token);
        var there = CarryAsync(_engine, _far, _far.EndSending, over.Token);
        var back = CarryAsync(_far, _engine, () => _engine.Socket.Shutdown(SocketShutdown.Send), over.Token);
        var first = await Task.WhenAny(there, back);
        if (!first.IsCompletedSuccessfully)
            await over.CancelAsync();

        // Both are over before the buffers and the streams go. Whoever failed first knows why.
        await Task.WhenAll(there, back).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await first;
        await Task.WhenAll(there, back);
    }

    public void Dispose() => _still.Dispose();

    private async Task CarryAsync(Stream from, Stream to, Action end, CancellationToken over)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (await from.ReadAsync(buffer, over) is var got and > 0)
            {
                _still.CancelAfter(_patience);
                await to.WriteAsync(buffer.AsMemory(0, got), over);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        end();
        if (_patience > s_lastWords)
            _patience = s_lastWords;
        _still.CancelAfter(_patience);
    }
}
