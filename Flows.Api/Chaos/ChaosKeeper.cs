using Flows.Api.Migrations;
using Flows.Api.Runs;

namespace Flows.Api.Chaos;

/// <summary>Sees drills through whose caller has gone, or whose API has died.</summary>
internal sealed class ChaosKeeper(ChaosRows rows, ChaosDrills drills, SchemaState schema, TimeProvider clock, ILogger<ChaosKeeper> log)
    : Housekeeper(TimeSpan.FromSeconds(3), schema, clock, log)
{
    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        foreach (var drill in await rows.OpenAsync(cancel))
            await drills.AdvanceAsync(drill, cancel);
        return false;
    }
}
