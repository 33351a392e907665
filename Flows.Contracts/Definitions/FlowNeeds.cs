using System.Text.Json;
using Flows.Contracts.Expressions;

namespace Flows.Contracts.Definitions;

/// <summary>What a flow uses of its project, read off its definition: a run is handed this and nothing else.</summary>
/// <param name="Connections">Keys, alphabetical: those in <c>connection</c> fields, and those that inputs of actions name as <c>connections.key</c>.</param>
/// <param name="Variables">True when an expression names <c>vars</c>.</param>
/// <param name="Trigger">Key of the connection that the trigger asks its service with, which no run is handed for that; null when it names none.</param>
public sealed record FlowNeeds(IReadOnlyList<string> Connections, bool Variables, string? Trigger = null)
{
    public static FlowNeeds Of(FlowDefinition definition) => Of(definition.Steps, definition.Trigger.Connection, withFailureBranches: true);

    /// <summary>What the step itself uses, without the steps that stand in for it when it fails.</summary>
    public static FlowNeeds OfStep(ActionStep step) => Of([step], trigger: null, withFailureBranches: false);

    private static FlowNeeds Of(IReadOnlyList<Step> all, string? trigger, bool withFailureBranches)
    {
        var connections = new SortedSet<string>(StringComparer.Ordinal);
        var variables = false;
        Walk(all);
        return new FlowNeeds([.. connections], variables, trigger);

        void Walk(IReadOnlyList<Step> steps)
        {
            foreach (var step in steps)
            {
                switch (step)
                {
                    case ActionStep action:
                        if (action.Connection is { } key)
                            connections.Add(key);
                        Read(action.Input);
                        break;
                    case CodeStep code:
                        Read(code.Input);
                        break;
                    case RouterStep router:
                        foreach (var branch in router.Branches)
                        {
                            Read(branch.When);
                            Walk(branch.Steps);
                        }
                        break;
                    case LoopStep loop:
                        Read(loop.Items);
                        Walk(loop.Steps);
                        break;
                    case WaitStep wait:
                        Read(wait.Value);
                        Read(wait.Message);
                        break;
                    case CallStep call:
                        Read(call.Input);
                        break;
                    case RespondStep respond:
                        Read(respond.Status);
                        Read(respond.Headers);
                        Read(respond.Body);
                        break;
                    case StopStep stop:
                        Read(stop.Message);
                        Read(stop.Output);
                        break;
                }
                if (withFailureBranches)
                    Walk(step.OnError.Steps);
            }
        }

        void Read(JsonElement value)
        {
            foreach (var text in ExpressionTexts.In(value))
                ReadText(text);
        }

        void ReadText(string text)
        {
            TextTemplate template;
            try
            {
                template = TextTemplate.Parse(text);
            }
            catch (ExpressionSyntaxException)
            {
                return; // the step fails with it when it comes to it
            }
            foreach (var references in template.Parts.Select(References.Of))
            {
                variables |= references.Names.Any(name => name.Text == "vars");
                connections.UnionWith(references.Members.Where(member => member.Name.Text == "connections").Select(member => member.Property));
            }
        }
    }
}
