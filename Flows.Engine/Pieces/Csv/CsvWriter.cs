using System.Text;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Csv;

/// <summary>Writes rows. Null is an empty cell, a list or object its JSON.</summary>
/// <param name="safe">Whether texts that a spreadsheet would compute are defused.</param>
internal sealed class CsvWriter(char delimiter, bool quoteAll, bool safe, string lineEnd, long maxLength)
{
    private readonly StringBuilder _text = new();

    /// <param name="columns">Empty: those of the rows.</param>
    /// <exception cref="PieceException">A row is neither an object nor a list, or the text is too long.</exception>
    public string Write(ValueList rows, IReadOnlyList<string> columns, bool header, CancellationToken cancel)
    {
        if (columns.Count == 0)
            columns = [.. rows.Where(row => row.Kind == ValueKind.Object).SelectMany(row => row.AsObject.Keys).Distinct()];
        if (header && columns.Count > 0)
            Record(columns.Select(Value.Of));
        for (var i = 0; i < rows.Count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            Record(rows[i].Kind switch
            {
                ValueKind.Object => CellsOf(rows[i].AsObject, columns),
                ValueKind.List => rows[i].AsList,
                _ => throw PieceException.Input($"'rows[{i}]' must be an object or a list; found {ValueText.Of(rows[i])}."),
            });
        }
        return _text.ToString();
    }

    private static IEnumerable<Value> CellsOf(ValueObject row, IReadOnlyList<string> columns)
    {
        foreach (var column in columns)
        {
            row.TryGet(column, out var cell);
            yield return cell;
        }
    }

    private void Record(IEnumerable<Value> cells)
    {
        var start = _text.Length;
        var first = true;
        foreach (var cell in cells)
        {
            if (!first)
                _text.Append(delimiter);
            first = false;
            Cell(cell);
        }
        // A line with nothing on it would be no record.
        if (_text.Length == start)
            _text.Append("\"\"");
        _text.Append(lineEnd);
        if (_text.Length > maxLength)
            throw PieceException.Final($"the text has more than {maxLength} characters (limit: Flows__Limits__PayloadMiB).", "limit");
    }

    private void Cell(Value cell)
    {
        var text = cell.IsNull ? "" : cell.ToString();
        if (safe && cell.IsText && text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r')
            text = "'" + text;
        var quoted = quoteAll || text.AsSpan().ContainsAny("\"\r\n") || text.Contains(delimiter, StringComparison.Ordinal) || text.StartsWith(' ') || text.EndsWith(' ');
        if (quoted)
            _text.Append('"').Append(text.Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
        else
            _text.Append(text);
    }
}
