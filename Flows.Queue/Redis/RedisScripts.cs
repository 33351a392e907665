using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Flows.Queue.Redis;

/// <summary>Runs the scripts of this folder. Everything that can go wrong with Redis leaves here as <see cref="QueueUnavailableException"/>.</summary>
internal sealed class RedisScripts(IServiceProvider services, TimeSpan timeout)
{
    internal static readonly Script Enqueue = Script.Read("enqueue");
    internal static readonly Script Turn = Script.Read("turn");
    internal static readonly Script Renew = Script.Read("renew");
    internal static readonly Script Leave = Script.Read("leave");
    internal static readonly Script Statistics = Script.Read("statistics");
    internal static readonly Script Limits = Script.Read("limits");
    internal static readonly Script Overview = Script.Read("overview");
    internal static readonly Script Dead = Script.Read("dead");
    internal static readonly Script Rates = Script.Read("rates");

    private readonly Lock _connecting = new();
    private Task<IConnectionMultiplexer>? _redis;

    /// <exception cref="QueueUnavailableException">Redis is away, slow or refuses; the script may have run or not.</exception>
    internal Task<RedisResult> EvaluateAsync(Script script, RedisKey key, RedisValue[] arguments, CancellationToken cancel) =>
        CallAsync(redis => script.EvaluateAsync(redis.GetDatabase(), key, arguments), cancel);

    internal async Task SubscribeAsync(RedisChannel channel, Action<RedisChannel, RedisValue> handler, CancellationToken cancel) =>
        await CallAsync(async redis =>
        {
            await redis.GetSubscriber().SubscribeAsync(channel, handler);
            return true;
        }, cancel);

    internal async Task UnsubscribeAsync(RedisChannel channel, Action<RedisChannel, RedisValue> handler, CancellationToken cancel) =>
        await CallAsync(async redis =>
        {
            await redis.GetSubscriber().UnsubscribeAsync(channel, handler);
            return true;
        }, cancel);

    private async Task<T> CallAsync<T>(Func<IConnectionMultiplexer, Task<T>> call, CancellationToken cancel)
    {
        try
        {
            // The client sets no limit of its own on an await, so a connection that has gone silent would hold it for ever.
            return await call(await RedisAsync().WaitAsync(timeout, cancel)).WaitAsync(timeout, cancel);
        }
        catch (Exception error) when (error is RedisException or RedisCommandException or TimeoutException or ObjectDisposedException
            || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new QueueUnavailableException(error is RedisServerException
                ? $"Redis refuses: {error.Message}"
                : $"Redis cannot be reached ({error.GetType().Name}).", error);
        }
    }

    /// <summary>
    /// The client, made at the first call: making it blocks until the first attempt to connect has ended, which must not hold up the start.
    /// On a thread of its own, once for all callers: it needs threads of the pool itself, and callers that blocked there would leave it none.
    /// </summary>
    private Task<IConnectionMultiplexer> RedisAsync()
    {
        lock (_connecting)
        {
            if (_redis is null or { IsFaulted: true })
            {
                _redis = Task.Factory.StartNew(services.GetRequiredService<IConnectionMultiplexer>,
                    CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            return _redis;
        }
    }

    internal sealed record Script(string Name, string Text, byte[] Sha)
    {
        internal static Script Read(string name)
        {
            var text = Resource("job") + "\n" + Resource(name);
#pragma warning disable CA5350 // Redis names scripts by their SHA-1; it protects nothing.
            return new Script(name, text, SHA1.HashData(Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5350
        }

        internal async Task<RedisResult> EvaluateAsync(IDatabase redis, RedisKey key, RedisValue[] arguments)
        {
            try
            {
                return await redis.ScriptEvaluateAsync(Sha, [key], arguments);
            }
            catch (RedisServerException error) when (error.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
            {
                // A new Redis, or one that was restarted or flushed. EVAL runs the text and keeps it for the next call.
                object[] eval = [Text, 1, key, .. arguments.Select(argument => (object)argument)];
                return await redis.ExecuteAsync("EVAL", eval);
            }
        }

        private static string Resource(string name)
        {
            var full = $"Flows.Queue.Redis.Scripts.{name}.lua";
            using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(full)
                ?? throw new InvalidOperationException($"{full} is not in the assembly.");
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
    }
}
