using Flows.Queue.Redis;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Flows.Api.Triggers;

/// <summary>
/// Tells workers that ask any replica of a call that has just been made. Without Redis those that ask another one find it when they ask again.
/// </summary>
internal sealed partial class PieceBell(IConnectionMultiplexer redis, IOptions<RedisQueueOptions> options, TimeProvider clock, ILogger<PieceBell> log) : BackgroundService
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);
    private readonly RedisChannel _channel = RedisChannel.Literal($"{options.Value.KeyPrefix}:pieces");
    private volatile TaskCompletionSource _rung = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Take it before looking: what rings after that is not missed.</summary>
    public Task Next => _rung.Task;

    public void Ring()
    {
        RingHere();
        try
        {
            redis.GetSubscriber().Publish(_channel, "", CommandFlags.FireAndForget);
        }
        catch (Exception error) when (error is RedisException or TimeoutException)
        {
            LogDeaf(error.Message);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // Once is enough: the client subscribes again by itself when the connection comes back.
                await redis.GetSubscriber().SubscribeAsync(_channel, (_, _) => RingHere());
                return;
            }
            catch (Exception error) when (error is RedisException or TimeoutException)
            {
                LogDeaf(error.Message);
            }
            await Task.Delay(s_pause, clock, stoppingToken);
        }
    }

    private void RingHere() => Interlocked.Exchange(ref _rung, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    [LoggerMessage(Level = LogLevel.Debug, Message = "Workers that ask other replicas find calls of pieces by themselves: {Reason}")]
    private partial void LogDeaf(string reason);
}
