using Flows.Contracts.Runs;

namespace Flows.Engine.Expressions;

/// <summary>A link, or why there is none.</summary>
public readonly record struct LinkAnswer(string? Link, string? Problem)
{
    public static LinkAnswer None(string problem) => new(null, problem);
}

/// <summary>Links to the waits of the run at hand. They work from the moment they are made, also before the step waits.</summary>
internal static class LinkFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("resumeUrl(step)", "The address that resumes a step which waits for a webhook: whoever calls it lets the run go on. Add /sync for an answer.",
            call => Link(call, LinkPurpose.Resume, approver: null)),
        new("approvalUrl(step, approver?)", "The address of the page that asks for an approval; with a name or e-mail it is that person's own link.",
            call => Link(call, LinkPurpose.Approve, call.Has(1) ? call.Text(1).Trim() : null)),
    ];

    private static Value Link(FunctionCall call, LinkPurpose purpose, string? approver)
    {
        if (call.Context.Links is not { } links)
            throw call.Fail("there is no run here that could be resumed");
        var answer = links(purpose, call.Text(0), approver);
        return answer.Link is { } link ? call.Result(link) : throw call.Fail(answer.Problem!);
    }
}
