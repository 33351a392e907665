using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>The links of a run to its own waits. They can be made before the step waits: nothing is stored for them.</summary>
internal sealed class ResumeLinks(StartRun start, StepPlaces places)
{
    private const int LongestApprover = 200;

    /// <param name="step">The step that waits, by name.</param>
    /// <param name="place">Where the walk stands: inside a loop the link is that of the same item.</param>
    public LinkAnswer To(LinkPurpose purpose, string step, string? approver, string place)
    {
        var kind = purpose == LinkPurpose.Resume ? "webhook" : "approval";
        if (start.Pauses is not { } terms)
            return LinkAnswer.None("the run was started where nobody could resume it");
        if (places.Find(step) is not { } found)
            return LinkAnswer.None($"there is no step '{step}'");
        if (found is not WaitStep wait || wait.For != kind)
            return LinkAnswer.None($"the step '{step}' does not wait for {(kind == "webhook" ? "a webhook" : "an approval")}");
        if (approver is not null && (approver.Length is 0 or > LongestApprover || approver.Any(char.IsControl)))
            return LinkAnswer.None($"an approver is a name of 1 to {LongestApprover} characters without line breaks");
        if (places.PathFrom(place, step, out var loop) is not { } path)
            return LinkAnswer.None($"the step '{step}' waits in every item of the loop '{loop}', and this is not inside it");

        var route = purpose == LinkPurpose.Resume ? "resume" : "approve";
        return new LinkAnswer($"{terms.LinkBase}/{route}/{ResumeToken.Create(start.RunId, purpose, path, approver, terms.LinkKey)}", null);
    }
}
