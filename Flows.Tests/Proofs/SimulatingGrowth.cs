using Flows.Bench.Simulation;

namespace Flows.Tests.Proofs;

/// <summary>What <c>./flows bench scale</c> computes agrees with what is known of queues.</summary>
public sealed class SimulatingGrowth
{
    private static readonly RunCost s_nothing = new(0.001, 0.001, 0.001, 0.001);

    [Fact]
    public void One_slot_at_half_load_is_the_queue_of_the_textbooks()
    {
        // M/M/1 with 20 a second served and 10 offered: half of the runs wait, and one in a hundred for more than ln(50) / 10 s.
        var outcome = ScaledSystem.Run(new Topology("one slot", 10, OutsideMs: 50, ApiCores: 8, Slots: 1, WorkerCores: 8, PostgresCores: 8, SyncMs: 0.001), s_nothing, seconds: 4_000, seed: 7);
        Assert.InRange(outcome.DonePerSecond, 9.7, 10.3);
        Assert.InRange(outcome.Busy["slots"], 0.48, 0.52);
        Assert.InRange(outcome.WaitP50, 0, 8);
        Assert.InRange(outcome.WaitP99, 340, 450);
    }

    [Fact]
    public void What_is_offered_beyond_a_part_is_not_done()
    {
        var slots = ScaledSystem.Run(new Topology("too few slots", 100, OutsideMs: 100, ApiCores: 8, Slots: 5, WorkerCores: 8, PostgresCores: 8, SyncMs: 0.001), s_nothing, seconds: 100, seed: 7);
        Assert.InRange(slots.DonePerSecond, 47, 53);
        Assert.InRange(slots.LeftOver, 4_500, 5_500);
        Assert.True(slots.Busy["slots"] > 0.98);

        var postgres = ScaledSystem.Run(new Topology("too little Postgres", 400, OutsideMs: 1, ApiCores: 8, Slots: 500, WorkerCores: 8, PostgresCores: 1, SyncMs: 0.001), s_nothing with { Postgres = 6 }, seconds: 100, seed: 7);
        Assert.True(postgres.Busy["Postgres cores"] > 0.98);
        Assert.True(postgres.DonePerSecond < 200, $"{postgres.DonePerSecond} of at most 167");
    }

    [Fact]
    public void Whoever_comes_while_the_log_is_written_shares_the_next_write()
    {
        // 1,000 accepts and as many reports a second, and a disk that writes 50 times a second.
        var outcome = ScaledSystem.Run(new Topology("slow disk", 1_000, OutsideMs: 1, ApiCores: 8, Slots: 500, WorkerCores: 8, PostgresCores: 8, SyncMs: 20), s_nothing, seconds: 20, seed: 7);
        Assert.InRange(outcome.DonePerSecond, 950, 1_050);
        Assert.InRange(outcome.AcceptP99, 20, 45); // the write under way, and the next
    }

    [Fact]
    public void One_number_is_one_future()
    {
        var topology = ScaleBench.Topologies[1];
        var (one, same, other) = (ScaledSystem.Run(topology, ScaleBench.Measured, 10, 1), ScaledSystem.Run(topology, ScaleBench.Measured, 10, 1), ScaledSystem.Run(topology, ScaleBench.Measured, 10, 2));
        Assert.Equal((one.DonePerSecond, one.AcceptP99, one.LeftOver), (same.DonePerSecond, same.AcceptP99, same.LeftOver));
        Assert.NotEqual(one.AcceptP99, other.AcceptP99);
    }
}
