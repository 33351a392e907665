using System.Text;

namespace Flows.Engine.Expressions;

/// <summary>The generated part of docs/expressions.md: the tables of functions.</summary>
internal static class ExpressionsDocument
{
    public const string Begin = "<!-- functions: generated from the engine's table; FLOWS_WRITE_DOCS=1 ./flows test ExpressionsDocument writes it anew -->";
    public const string End = "<!-- end of functions -->";

    public static string Functions()
    {
        var text = new StringBuilder(Begin).Append('\n');
        foreach (var group in FunctionTable.All.GroupBy(function => function.Group))
        {
            text.Append('\n').Append("### ").Append(group.Key).Append("\n\n| Function | Gives |\n|---|---|\n");
            foreach (var function in group)
            {
                var names = function.Aliases.Count == 0 ? "" : $" Also: {string.Join(", ", function.Aliases.Select(alias => $"`{alias}`"))}.";
                text.Append("| `").Append(Cell(function.Signature.Text)).Append("` | ").Append(Cell(function.Help)).Append(names).Append(" |\n");
            }
        }
        return text.Append('\n').Append(End).ToString();
    }

    private static string Cell(string text) =>
        text.Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);
}
