using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Worker.Api;

namespace Flows.Worker.Runs;

/// <summary>Fetches what a claim has left apart because of its size, and puts it in its places.</summary>
internal sealed class ApartValues(FlowsApi api, TimeProvider clock)
{
    /// <returns>Null when the claim is complete; else how the run ends without that.</returns>
    public async Task<RunOutcome?> FetchAsync(LiveRun run)
    {
        if (run.Claim.Apart is not { Count: > 0 } apart)
            return null;
        try
        {
            // One at a time: together they are as large as a run's log may be, and are held anyway; apart from that only one is in the making.
            var values = new Dictionary<Guid, RawJson>();
            foreach (var value in apart.DistinctBy(value => value.Id))
                values[value.Id] = RawJson.FromUtf8(await FetchAsync(run, value));
            run.Complete(Fill(run.Claim, apart, values));
            return null;
        }
        catch (ApiException error)
        {
            return new RunOutcome(RunStatus.Failed, Error: new StepError("value_missing", $"A large value that the run goes on from could not be read. {error.Message}"));
        }
        catch (OperationCanceledException) when (run.Ended.IsCancellationRequested)
        {
            return run.WhyEnded == RunEnd.TimedOut
                ? new RunOutcome(RunStatus.TimedOut, Error: new StepError("timeout", "The run had used up its active time before its large values were there."))
                : new RunOutcome(RunStatus.Queued);
        }
    }

    private async Task<byte[]> FetchAsync(LiveRun run, ApartValue value)
    {
        for (var failures = 0; ;)
        {
            try
            {
                return await api.GetValueAsync(run.Held.RunId, value.Id, value.Size, run.Ended);
            }
            catch (ApiException error) when (!error.IsRefusal)
            {
                await Task.Delay(BackOff.After(++failures), clock, run.Ended); // the lease bounds it
            }
        }
    }

    private static RunClaim Fill(RunClaim claim, IReadOnlyList<ApartValue> apart, Dictionary<Guid, RawJson> values)
    {
        var steps = apart.Where(value => value.Place is ValuePlace.StepInput or ValuePlace.StepOutput or ValuePlace.StepError).ToLookup(value => value.Path);
        var waits = apart.Where(value => value.Place == ValuePlace.WaitOutput).ToDictionary(value => value.Path!, value => values[value.Id]);
        var filled = claim with
        {
            Apart = null,
            Journal = [.. claim.Journal.Select(line => steps[line.Path].Aggregate(line, (step, value) => value.Place switch
            {
                ValuePlace.StepInput => step with { Input = values[value.Id] },
                ValuePlace.StepOutput => step with { Output = values[value.Id] },
                _ => step with { Error = JsonSerializer.Deserialize(values[value.Id].Utf8.Span, EngineJson.Default.StepError) },
            }))],
            Waits = claim.Waits?.Select(wait => waits.TryGetValue(wait.Path, out var output) ? wait with { Output = output } : wait).ToList(),
        };
        foreach (var value in apart)
        {
            filled = value.Place switch
            {
                ValuePlace.Trigger => filled with { Trigger = values[value.Id] },
                ValuePlace.Inputs => filled with { Inputs = JsonSerializer.Deserialize(values[value.Id].Utf8.Span, EngineJson.Default.IReadOnlyDictionaryStringRawJson) },
                _ => filled,
            };
        }
        return filled;
    }
}
