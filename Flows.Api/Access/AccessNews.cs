using Flows.Api.Users;
using Flows.Queue.Redis;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Flows.Api.Access;

/// <summary>
/// Tells every replica at once that a key, a session or a user's memberships are not what they were. Without Redis each replica finds out
/// by itself, when it reads the credential again: within <see cref="CredentialCache{T}.ForgetAfter"/>.
/// </summary>
internal sealed partial class AccessNews(
    ApiKeyCache keys, SessionCache sessions, IConnectionMultiplexer redis, IOptions<RedisQueueOptions> options, TimeProvider clock, ILogger<AccessNews> log)
    : BackgroundService
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);
    private readonly RedisChannel _channel = RedisChannel.Literal($"{options.Value.KeyPrefix}:access");

    public void KeyChanged(Guid id) => Tell('k', id);
    public void SessionEnded(Guid id) => Tell('s', id);
    /// <summary>Its sessions, projects or roles.</summary>
    public void UserChanged(Guid id) => Tell('u', id);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // Once is enough: the client subscribes again by itself when the connection comes back.
                await redis.GetSubscriber().SubscribeAsync(_channel, (_, message) => Hear(message));
                return;
            }
            catch (Exception error) when (error is RedisException or TimeoutException)
            {
                LogDeaf(error.Message);
            }
            await Task.Delay(s_pause, clock, stoppingToken);
        }
    }

    private void Tell(char kind, Guid id)
    {
        Forget(kind, id);
        try
        {
            redis.GetSubscriber().Publish(_channel, $"{kind}{id:N}", CommandFlags.FireAndForget);
        }
        catch (Exception error) when (error is RedisException or TimeoutException)
        {
            LogDeaf(error.Message);
        }
    }

    private void Hear(RedisValue message)
    {
        if (message.ToString() is [var kind, .. var id] && Guid.TryParse(id, out var parsed))
            Forget(kind, parsed);
    }

    private void Forget(char kind, Guid id)
    {
        if (kind == 'k')
            keys.Forget(key => key.Id == id);
        else if (kind == 's')
            sessions.Forget(session => session.Id == id);
        else if (kind == 'u')
            sessions.Forget(session => session.UserId == id);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Other replicas find out by themselves about changed credentials: {Reason}")]
    private partial void LogDeaf(string reason);
}
