using Acornima;
using Flows.Contracts.Definitions;

namespace Flows.Api.Flows;

/// <summary>
/// Finds the syntax errors of code steps when a definition is read, with line and column, and code without the default export that a step
/// needs. The source is parsed and never run.
/// </summary>
internal static class CodeSyntax
{
    public static void Check(FlowDefinition definition, List<DefinitionProblem> problems) => Check(definition.Steps, "$.steps", problems);

    private static void Check(IReadOnlyList<Step> steps, string path, List<DefinitionProblem> problems)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            var at = $"{path}[{i}]";
            switch (steps[i])
            {
                case CodeStep { Language: "javascript" } code:
                    if (ProblemOf(code.Source) is { } problem)
                        problems.Add(new DefinitionProblem($"{at}.source", problem));
                    break;
                case LoopStep loop:
                    Check(loop.Steps, $"{at}.steps", problems);
                    break;
                case RouterStep router:
                    for (var branch = 0; branch < router.Branches.Count; branch++)
                        Check(router.Branches[branch].Steps, $"{at}.branches[{branch}].steps", problems);
                    break;
            }
            Check(steps[i].OnError.Steps, $"{at}.onError.steps", problems);
        }
    }

    private static string? ProblemOf(string source)
    {
        try
        {
            var module = new Parser().ParseModule(source);
            return module.Body.Any(IsDefaultExport)
                ? null
                : "The code has no default export: write 'export default async (input) => { … }'.";
        }
        catch (ParseErrorException error)
        {
            // Lines from 1; columns from 0, as in the parser's own tree.
            return $"The code does not parse: {error.Description} (line {error.LineNumber}, column {error.Column + 1}).";
        }
        catch (InsufficientExecutionStackException)
        {
            return "The code does not parse: it is nested too deeply.";
        }
    }

    private static bool IsDefaultExport(Acornima.Ast.Statement statement) => statement switch
    {
        Acornima.Ast.ExportDefaultDeclaration => true,
        Acornima.Ast.ExportNamedDeclaration named => named.Specifiers.Any(specifier =>
            specifier.Exported is Acornima.Ast.Identifier { Name: "default" } or Acornima.Ast.StringLiteral { Value: "default" }),
        _ => false,
    };
}
