using System.Collections;
using System.Globalization;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Worker.Runs;

/// <summary>What every line of the log says that is written on behalf of a run, whoever writes it: run, flow, project and attempt. Ids only.</summary>
internal sealed class RunLogScope(RunClaim claim) : IReadOnlyList<KeyValuePair<string, object?>>
{
    public int Count => 4;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => new("flows.run.id", claim.RunId),
        1 => new("flows.flow.id", claim.FlowId),
        2 => new("flows.project.id", claim.ProjectId),
        3 => new("flows.run.attempt", claim.Attempt),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"run {claim.RunId}, flow {claim.FlowId}, project {claim.ProjectId}, attempt {claim.Attempt}");
}
