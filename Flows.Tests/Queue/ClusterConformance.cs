using System.Collections.Concurrent;
using Flows.Contracts.Runs;
using Flows.Queue;
using Flows.Queue.Redis;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Queue;

/// <summary>Four shards on a Redis Cluster of three masters keep every promise that one shard keeps.</summary>
public sealed class ClusterConformance(RedisCluster cluster) : QueueConformance, IClassFixture<RedisCluster>
{
    protected override TimeSpan Lease => TimeSpan.FromSeconds(1);

    protected override QueueSituation NewSituation() => new(cluster.ConnectionString,
        ("Flows:Queue:Shards", "4"), ("Flows:Queue:Lease", "00:00:01"), ("Flows:Queue:PollInterval", "00:00:00.200"));

    [Fact]
    public async Task Statistics_limits_and_dead_letters_are_those_of_all_shards()
    {
        await using var queue = new QueueSituation(cluster.ConnectionString, ("Flows:Queue:Shards", "4"), ("Flows:Queue:MaxDeliveries", "1"));
        var desk = queue.ProducerHost.Services.GetRequiredService<RedisQueueDesk>();
        Guid[] projects = [.. Enumerable.Range(0, 4).Select(ProjectIn)];
        await desk.LimitAsync(new Dictionary<Guid, int> { [projects[1]] = 0, [projects[2]] = 0 }, forOthers: null, CancellationToken.None);
        await queue.Producer.EnqueueAsync([.. projects.SelectMany(project => QueueSituation.Jobs(2, project, RunPriority.Test))], CancellationToken.None);

        var now = await queue.Producer.GetStatisticsAsync(CancellationToken.None);
        Assert.Equal(8, now.Waiting[RunPriority.Test]);
        Assert.Equal(projects.ToHashSet(), now.Backlogs.Select(backlog => backlog.ProjectId).ToHashSet());
        Assert.Equal(2, (await desk.GetOverviewAsync(10, CancellationToken.None)).Limits.Count);

        await queue.StartConsumerAsync((_, _) => throw new InvalidOperationException("always"));
        await QueueSituation.EventuallyAsync(async () => (await queue.Producer.GetStatisticsAsync(CancellationToken.None)) is { Dead: 4, Active: 0 });
        var overview = await desk.GetOverviewAsync(10, CancellationToken.None);
        Assert.Equal([projects[0], projects[0], projects[3], projects[3]], overview.Dead.Select(letter => letter.Job.ProjectId).OrderBy(project => Array.IndexOf(projects, project)));
        Assert.Single(overview.Consumers);
        Assert.True(await desk.DiscardAsync(overview.Dead[0], CancellationToken.None));
        Assert.Equal(3, (await queue.Producer.GetStatisticsAsync(CancellationToken.None)).Dead);
    }

    [Fact]
    public void A_flooded_shard_leaves_the_others_every_second_slot()
    {
        var slots = new Slots(4);
        var (asked, signals) = (new List<string>(), 0);
        Action flooded = () => asked.Add("flooded"), other = () => { asked.Add("other"); signals++; };

        Assert.Equal(4, slots.Take(flooded, 64));
        Assert.Equal(0, slots.Take(other, 64)); // stands in line from here on
        slots.Return(1);
        Assert.Equal(1, signals);
        Assert.Equal(0, slots.Take(flooded, 64)); // behind the other
        Assert.Equal(1, slots.Take(other, 64));
        Assert.Equal(0, slots.Take(other, 64));
        slots.Return(4); // of them two for each that waits
        Assert.Equal(2, slots.Take(flooded, 64));
        Assert.Equal(2, slots.Take(other, 64));
        Assert.Equal(0, slots.Take(other, 64));
        slots.LeaveLine(other); // its shard is away: nobody waits behind it
        slots.Return(1);
        Assert.Equal(1, slots.Take(flooded, 64));
        Assert.Equal(["other", "flooded", "other"], asked);
    }

    [Fact]
    public async Task A_master_that_is_away_stops_its_own_shards_only()
    {
        await using var queue = new QueueSituation(cluster.ConnectionString,
            ("Flows:Queue:Shards", "4"), ("Flows:Queue:Lease", "00:00:02"), ("Flows:Queue:CommandTimeout", "00:00:01"));
        var seen = new ConcurrentDictionary<Guid, bool>();
        await queue.StartConsumerAsync((job, _) =>
        {
            seen[job.RunId] = true;
            return Task.FromResult(JobSettlement.Done);
        });
        Guid[] projects = [.. Enumerable.Range(0, 4).Select(ProjectIn)];
        await QueueSituation.EventuallyAsync(() => ArriveAsync(projects));

        var away = await cluster.KillMasterOfAsync($"{queue.KeyPrefix}:{{q1}}:jobs");
        var others = projects.Where((_, shard) => shard is 0 or 2 or 3);

        // Some of the others may live on the same master; at least one of the three lives elsewhere.
        await QueueSituation.EventuallyAsync(async () =>
        {
            foreach (var project in others)
            {
                try
                {
                    if (await ArriveAsync([project]))
                        return true;
                }
                catch (QueueUnavailableException)
                {
                }
            }
            return false;
        });
        await Assert.ThrowsAsync<QueueUnavailableException>(() => queue.Producer.EnqueueAsync(QueueSituation.Jobs(1, projects[1]), CancellationToken.None));

        await cluster.RestartAsync(away);
        await QueueSituation.EventuallyAsync(() => ArriveAsync(projects));

        async Task<bool> ArriveAsync(IEnumerable<Guid> projects)
        {
            var jobs = projects.Select(project => QueueSituation.Job(project)).ToList();
            await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);
            for (var look = 0; look < 200 && !jobs.TrueForAll(job => seen.ContainsKey(job.RunId)); look++)
                await Task.Delay(10);
            return jobs.TrueForAll(job => seen.ContainsKey(job.RunId));
        }
    }

    [Fact]
    public void A_projects_shard_is_the_same_for_ever()
    {
        Assert.Equal([0, 2, 0, 4], new[] { 2, 3, 4, 7 }.Select(shards => QueueShards.NumberOf(Guid.Parse("0192f3a1-4b5c-7d6e-8f90-a1b2c3d4e5f6"), shards)));
        Assert.Equal(0, QueueShards.NumberOf(Guid.Empty, 64));
    }

    private static Guid ProjectIn(int shard)
    {
        Guid project;
        do
            project = Guid.CreateVersion7();
        while (QueueShards.NumberOf(project, 4) != shard);
        return project;
    }
}
