using Flows.Api.Migrations;
using Flows.Api.Runs;
using Flows.Api.Waits;
using Flows.Queue;
using Flows.Queue.Redis;
using Microsoft.Extensions.Options;

namespace Flows.Api.Retention;

/// <summary>Forgets dead letters of the queue after a while. Their runs are not touched: one that is still due is rung for again.</summary>
internal sealed class DeadLetterKeeper(
    IServiceProvider services, IOptions<RetentionOptions> options, RunMetrics metrics, SchemaState schema, TimeProvider clock, ILogger<DeadLetterKeeper> log)
    : Housekeeper(TimeSpan.FromMinutes(10), schema, clock, log)
{
    private const int MostAtOnce = 1_000;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        // Hangfire keeps house itself.
        if (options.Value.FailedJobDays == 0 || services.GetService<RedisQueueDesk>() is not { } desk)
            return false;
        try
        {
            var removed = 0;
            foreach (var letter in (await desk.GetOverviewAsync(MostAtOnce, cancel)).Dead.Where(letter => letter.Age > options.Value.FailedJobs))
                removed += await desk.DiscardAsync(letter, cancel) ? 1 : 0;
            if (removed > 0)
                metrics.Removed("dead_letter", removed);
        }
        catch (QueueUnavailableException)
        {
            // Redis is away, which RunBells reports; there is time.
        }
        return false;
    }
}
