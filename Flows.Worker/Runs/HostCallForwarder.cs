using System.Net;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Worker.Api;

namespace Flows.Worker.Runs;

/// <summary>
/// Hands what a step asks of the API on, under the run's claim. Every call may be repeated, so a lost answer is asked for again; what the API
/// does not answer within the patience is the step's failure, and a transient one.
/// </summary>
internal sealed class HostCallForwarder(FlowsApi api, WorkerIdentity worker, TimeProvider clock)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <exception cref="OperationCanceledException">The run is over.</exception>
    public async Task<HostCompleted> ForwardAsync(LiveRun run, HostRequested request, CancellationToken cancel)
    {
        var sent = new HostCallRequest(worker.Id, run.Held.Attempt, request.Call, request.Arguments, request.Data);
        var since = clock.GetTimestamp();
        for (var failures = 0; ;)
        {
            try
            {
                var answer = await api.CallAsync(run.Held.RunId, sent, cancel);
                return new HostCompleted(request.CallId, answer.Result, answer.Data, answer.Error, answer.IsTransient);
            }
            catch (ApiException error) when (error.Status == HttpStatusCode.Conflict)
            {
                // Another worker has the run: this engine must not go on.
                run.Lose(RunEnd.Lost);
                cancel.ThrowIfCancellationRequested();
                return Failed(request, "internal", "The run is no longer this worker's.", isTransient: false);
            }
            catch (ApiException error) when (error.IsRefusal)
            {
                return Failed(request, "internal", $"The API refused the call '{request.Call}'.", isTransient: false);
            }
            catch (ApiException) when (clock.GetElapsedTime(since) < s_patience)
            {
                await Task.Delay(BackOff.After(++failures), clock, cancel);
            }
            catch (ApiException)
            {
                return Failed(request, "network", $"The API did not take the call '{request.Call}' within {s_patience.TotalSeconds:0} s.", isTransient: true);
            }
        }
    }

    private static HostCompleted Failed(HostRequested request, string code, string message, bool isTransient) =>
        new(request.CallId, RawJson.Null, Error: new StepError(code, message), IsTransient: isTransient);
}
