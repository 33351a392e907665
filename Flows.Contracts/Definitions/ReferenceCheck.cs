using System.Text.Json;
using Flows.Contracts.Expressions;

namespace Flows.Contracts.Definitions;

/// <summary>Reads every expression of a definition: does it parse, are its functions known, does it name only what has run before it?</summary>
/// <param name="containers">For each step within another step, that one.</param>
/// <param name="waits">What each wait step waits for.</param>
internal sealed class ReferenceCheck(ProblemList problems, EngineCatalogue catalogue, IReadOnlyCollection<string> steps, IReadOnlyDictionary<string, StepContainer> containers,
    IReadOnlyDictionary<string, string> waits)
{
    private readonly Dictionary<string, FunctionSignature> _functions = catalogue.Functions
        .DistinctBy(f => f.Name).ToDictionary(f => f.Name, f => FunctionSignature.Parse(f.Signature), StringComparer.Ordinal);

    public void Check(ExpressionSite site)
    {
        if (site.Use == SiteUse.Condition)
            OneExpression(site, "a condition", "true or false");
        else if (site.Use == SiteUse.Items && site.Value.ValueKind == JsonValueKind.String)
            OneExpression(site, "'items'", "a list");
        Walk(site.Value, site.Path, site);
    }

    private void Walk(JsonElement value, string path, ExpressionSite site)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                Text(value, path, site);
                break;
            case JsonValueKind.Array:
                foreach (var (i, item) in value.EnumerateArray().Index())
                    Walk(item, FieldPath.Of(path, i), site);
                break;
            case JsonValueKind.Object:
                foreach (var property in value.EnumerateObject())
                    Walk(property.Value, FieldPath.Of(path, property.Name), site);
                break;
        }
    }

    private void OneExpression(ExpressionSite site, string what, string gives)
    {
        if (TryParse(site.Value, site.Path, report: false) is { IsOneExpression: false } template)
            problems.Error(site.Path, $"{char.ToUpperInvariant(what[0])}{what[1..]} is one expression that gives {gives}: {(template.HasExpressions ? "put all of it between one '{{' and '}}'" : "write it between '{{' and '}}'")}.");
    }

    private TextTemplate? TryParse(JsonElement value, string path, bool report)
    {
        if (value.ValueKind != JsonValueKind.String || !JsonText.TryGet(value, out var text))
            return null;
        try
        {
            return TextTemplate.Parse(text);
        }
        catch (ExpressionSyntaxException error)
        {
            if (report)
                problems.Error(path, $"The expression cannot be read: {error.Message}.");
            return null;
        }
    }

    private void Text(JsonElement value, string path, ExpressionSite site)
    {
        if (problems.IsSettled || TryParse(value, path, report: true) is not { HasExpressions: true } template)
            return;
        if (site.Use == SiteUse.Trigger)
        {
            problems.Error(path, "The trigger starts the flow: nothing has run yet that an expression could name.");
            return;
        }
        foreach (var part in template.Parts)
        {
            if (problems.IsSettled)
                return;
            var references = References.Of(part);
            foreach (var name in references.Names)
                Name(name, path, site);
            // Which connections a run is handed is read off the definition, so their keys are written out.
            foreach (var name in references.Names.Where(name => name.Text == "connections" && !references.Members.Any(member => ReferenceEquals(member.Name, name))))
                problems.Error(path, $"{name.At}: a connection is named by its key, as in connections.key; connections cannot be used as a whole.");
            foreach (var (name, property) in references.Members)
                Property(name, property, path, site);
            foreach (var call in references.Calls)
                Function(call, path, site);
        }
    }

    private void Name(Name name, string path, ExpressionSite site)
    {
        if (site.Visible.Contains(name.Text))
            return;
        if (name.Text == "connections" && site.Use != SiteUse.ActionInput)
            problems.Error(path, $"{name.At}: connections can be named only in the input of an action, so that secrets stay out of everything else.");
        else if (!StepNames.Reserved.Contains(name.Text))
            problems.Error(path, $"{name.At}: {NotVisible(name.Text, site)}");
    }

    private string NotVisible(string name, ExpressionSite site)
    {
        if (name == site.Step)
            return $"the step '{name}' cannot use its own output.";
        if (!steps.Contains(name))
            return $"there is no step '{name}'.{NearestName.Question(name, site.Visible.Union(StepNames.Reserved))}";
        for (var inner = name; containers.TryGetValue(inner, out var container); inner = container.Owner)
        {
            if (site.Visible.Contains(container.Owner))
                return $"the step '{name}' {container.Hint}.";
            if (container.Owner == site.Step)
                break;
        }
        return containers.TryGetValue(site.Step, out var around) && around.Owner == name
            ? $"the step '{name}' is not done here; its error, when it failed, is in errors.{name}."
            : $"the step '{name}' has not run when '{site.Step}' does: it comes later or lies on another branch.";
    }

    private void Property(Name name, string property, string path, ExpressionSite site)
    {
        if (name.Text == "errors" && !steps.Contains(property))
            problems.Error(path, $"{name.At}: there is no step '{property}' whose error could be meant.{NearestName.Question(property, steps)}");
        else if (name.Text == "errors" && property == site.Step)
            problems.Error(path, $"{name.At}: the step '{property}' cannot use its own error.");
    }

    private void Function(Call call, string path, ExpressionSite site)
    {
        if (!_functions.TryGetValue(call.Function, out var signature))
            problems.Error(path, $"{call.At}: there is no function '{call.Function}'.{NearestName.Question(call.Function, _functions.Keys)}");
        else if (signature.Complaint(call) is { } complaint)
            problems.Error(path, $"{call.At}: {complaint}.");
        else if (call is { Function: "resumeUrl" or "approvalUrl", Arguments: [TextLiteral { Value: var step }, ..] })
            Link(call, step, path, site);
    }

    /// <summary>A link to a wait: there has to be such a wait, and from here only one.</summary>
    private void Link(Call call, string step, string path, ExpressionSite site)
    {
        var kind = call.Function == "resumeUrl" ? "webhook" : "approval";
        if (!waits.TryGetValue(step, out var found) || found != kind)
        {
            problems.Error(path, $"{call.At}: there is no step '{step}' that waits for {(kind == "webhook" ? "a webhook" : "an approval")}."
                + NearestName.Question(step, [.. waits.Where(wait => wait.Value == kind).Select(wait => wait.Key)]));
            return;
        }
        var around = new HashSet<string>(StringComparer.Ordinal);
        for (var inner = site.Step; containers.TryGetValue(inner, out var container); inner = container.Owner)
            around.Add(container.Owner);
        for (var inner = step; containers.TryGetValue(inner, out var container); inner = container.Owner)
        {
            if (container.IsLoop && !around.Contains(container.Owner))
                problems.Error(path, $"{call.At}: the step '{step}' waits in every item of the loop '{container.Owner}', so that its link can be made only inside that loop.");
        }
    }
}
