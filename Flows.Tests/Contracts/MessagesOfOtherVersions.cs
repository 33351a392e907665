using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Tests.Contracts;

/// <summary>While an installation is brought up to date, an API and a worker of two versions work together.</summary>
public sealed class MessagesOfOtherVersions
{
    private static readonly Dictionary<string, RawJson> s_none = [];

    [Fact]
    public void A_claim_that_does_not_tell_of_uncertain_effects_asks_about_them()
    {
        var claim = new RunClaim(Guid.CreateVersion7(), 1, Guid.Empty, Guid.Empty, "f", Guid.Empty, RunEnvironment.Production, 1, 1, RawJson.Null, [], s_none, s_none, OnUncertain: UncertainPolicy.Fail);
        var told = JsonSerializer.Serialize(claim, WorkerJson.Default.RunClaim);
        Assert.Contains("\"onUncertain\":\"fail\"", told, StringComparison.Ordinal);
        Assert.Equal(UncertainPolicy.Fail, JsonSerializer.Deserialize(told, WorkerJson.Default.RunClaim)!.OnUncertain);
        var untold = told.Replace(",\"onUncertain\":\"fail\"", "", StringComparison.Ordinal);
        Assert.Equal(UncertainPolicy.Ask, JsonSerializer.Deserialize(untold, WorkerJson.Default.RunClaim)!.OnUncertain);
    }

    [Fact]
    public void What_a_worker_does_not_know_of_a_claim_it_passes_over()
    {
        var claim = new RunClaim(Guid.CreateVersion7(), 1, Guid.Empty, Guid.Empty, "f", Guid.Empty, RunEnvironment.Production, 1, 1, RawJson.Null, [], s_none, s_none);
        var later = JsonSerializer.Serialize(claim, WorkerJson.Default.RunClaim)[..^1] + ",\"ofALaterVersion\":{\"a\":1}}";
        Assert.Equal(claim.RunId, JsonSerializer.Deserialize(later, WorkerJson.Default.RunClaim)!.RunId);
    }

    [Fact]
    public void A_start_tells_the_engine_too()
    {
        var start = new StartRun(Guid.CreateVersion7(), 1, Guid.Empty, "f", Guid.Empty, RunEnvironment.Production, null, RawJson.Null, [], s_none, s_none, EngineLimits.Default, OnUncertain: UncertainPolicy.Retry);
        var told = JsonSerializer.Serialize(start, EngineJson.Default.StartRun);
        Assert.Equal(UncertainPolicy.Retry, JsonSerializer.Deserialize(told, EngineJson.Default.StartRun)!.OnUncertain);
        Assert.Equal(UncertainPolicy.Ask, JsonSerializer.Deserialize(told.Replace(",\"onUncertain\":\"retry\"", "", StringComparison.Ordinal), EngineJson.Default.StartRun)!.OnUncertain);
    }
}
