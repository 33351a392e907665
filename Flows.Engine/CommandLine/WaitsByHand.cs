using System.Globalization;
using System.Text;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Steps;

namespace Flows.Engine.CommandLine;

/// <summary>Ends the waits of a run by hand: times have come at once, everything else is answered from the command line.</summary>
/// <param name="answers">By step path.</param>
internal sealed class WaitsByHand(IReadOnlyDictionary<string, RawJson> answers)
{
    private readonly Dictionary<string, WaitState> _states = new(StringComparer.Ordinal);
    private readonly Dictionary<string, WaitRequest> _open = new(StringComparer.Ordinal);

    /// <summary>Links are made, so that flows that send them work, and lead nowhere.</summary>
    public static PauseTerms Terms { get; } = new((long)TimeSpan.FromDays(3660).TotalMilliseconds, "http://localhost", new byte[32]);

    public IReadOnlyList<WaitState> States => [.. _states.Values];

    /// <summary>False when nothing of what the run waits for has an answer.</summary>
    public bool Answer(IReadOnlyList<WaitRequest> asked)
    {
        foreach (var wait in asked)
        {
            _open[wait.Path] = wait;
            _states[wait.Path] = new WaitState(wait.Path, WaitStatus.Open);
        }
        var answered = false;
        foreach (var wait in _open.Values.ToList())
        {
            RawJson? output = wait.Kind is WaitKind.Delay or WaitKind.Until or WaitKind.Retry
                ? WaitExecutor.OutputAt(wait.DueAt)
                : answers.TryGetValue(wait.Path, out var given) ? given : null;
            if (output is null)
                continue;
            _states[wait.Path] = new WaitState(wait.Path, WaitStatus.Completed, output);
            _open.Remove(wait.Path);
            answered = true;
        }
        return answered;
    }

    /// <summary>What the run still waits for, for the person at the command line.</summary>
    public string Explanation
    {
        get
        {
            var text = new StringBuilder();
            foreach (var wait in _open.Values)
            {
                text.Append(CultureInfo.InvariantCulture, $"{wait.Path} waits for ");
                text.Append(wait.Kind switch { WaitKind.Call => $"the flow '{wait.Call!.Flow}'", WaitKind.Approval => "an approval", _ => "a webhook" });
                text.Append(CultureInfo.InvariantCulture, $"; answer it with --resume '{wait.Path}=<json>'\n");
            }
            return text.ToString();
        }
    }
}
