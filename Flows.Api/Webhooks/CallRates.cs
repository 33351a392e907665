using System.Collections.Concurrent;
using System.Globalization;
using Flows.Api.Projects;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Flows.Api.Webhooks;

/// <summary>
/// Limits calls a minute, for a flow and for a project, over all replicas of the API together: one Redis command for each limit that is set,
/// none where there is none. A limit of n takes n calls at once and then one every 60/n seconds (the generic cell rate algorithm, of which only
/// the time is kept at which the bucket would be empty again). Where Redis cannot be reached, each replica counts by itself: then up to n
/// calls a minute pass in each.
/// </summary>
internal sealed class CallRates(IConnectionMultiplexer redis, ProjectTermsBook terms, IOptions<WebhookOptions> options, IConfiguration configuration, TimeProvider clock)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(250);
    private const int MaxLocal = 10_000;

    // KEYS[1] the bucket; ARGV[1] microseconds between two calls, ARGV[2] calls at once. Returns microseconds until the next call, 0: go on.
    private const string Take = """
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        local gap = tonumber(ARGV[1])
        local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
        local over = full + gap - now - gap * tonumber(ARGV[2])
        if over > 0 then return math.ceil(over) end
        redis.call('SET', KEYS[1], string.format('%.0f', full + gap), 'PX', math.ceil((full + gap - now) / 1000) + 1)
        return 0
        """;

    private readonly string _prefix = configuration["Flows:Queue:KeyPrefix"] ?? "flows";
    private readonly ConcurrentDictionary<string, double> _local = new();

    /// <summary>Takes one call. Null: go on; else how long to wait before the next, and what it is that is full.</summary>
    /// <param name="perMinute">The flow's own limit; null takes the installation's, 0 is none.</param>
    public async ValueTask<(TimeSpan RetryAfter, string Whose)?> TakeAsync(Guid projectId, Guid flowId, int? perMinute)
    {
        var ofFlow = perMinute ?? options.Value.FlowPerMinute;
        if (ofFlow > 0 && await TakeAsync($"{_prefix}:rate:flow:{flowId:N}", ofFlow) is { } flowIsFull)
            return (flowIsFull, $"The flow takes {ofFlow} calls a minute");
        var ofProject = (await terms.OfAsync(projectId)).WebhooksPerMinute;
        if (ofProject > 0 && await TakeAsync($"{_prefix}:rate:project:{projectId:N}", ofProject) is { } projectIsFull)
            return (projectIsFull, $"The project takes {ofProject} calls a minute");
        return null;
    }

    private async Task<TimeSpan?> TakeAsync(string bucket, int perMinute)
    {
        var gap = 60_000_000.0 / perMinute;
        double wait;
        try
        {
            var answer = redis.GetDatabase().ScriptEvaluateAsync(
                Take, [bucket], [gap.ToString("F0", CultureInfo.InvariantCulture), perMinute]).WaitAsync(s_patience, clock);
            wait = (double)await answer;
        }
        catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException)
        {
            wait = TakeHere(bucket, gap, perMinute);
        }
        return wait > 0 ? TimeSpan.FromMicroseconds(wait) : null;
    }

    private double TakeHere(string bucket, double gap, int atOnce)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds() * 1000.0;
        if (_local.Count >= MaxLocal)
            _local.Clear();
        while (true)
        {
            var known = _local.GetOrAdd(bucket, 0.0);
            var full = Math.Max(known, now) + gap;
            var over = full - now - gap * atOnce;
            if (over > 0)
                return over;
            if (_local.TryUpdate(bucket, full, known))
                return 0;
        }
    }
}
