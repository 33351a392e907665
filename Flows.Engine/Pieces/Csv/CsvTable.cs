using System.Buffers;
using System.Globalization;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Csv;

/// <summary>Makes rows of records: names, lengths, numbers.</summary>
/// <param name="fit">Whether a record of another length is made to fit; else it is an error.</param>
/// <param name="maxSize">Names and cells together, in characters.</param>
internal sealed class CsvTable(CsvReader reader, bool fit, bool readNumbers, long maxSize)
{
    private static readonly SearchValues<char> s_digitsAndPoint = SearchValues.Create("0123456789.");

    private long _size;

    public IReadOnlyList<string> Columns { get; private set; } = [];

    /// <param name="columns">Empty: the names are those of the header.</param>
    /// <exception cref="PieceException">The text is no such table; the message names the line.</exception>
    public List<Value> Read(bool header, IReadOnlyList<string> columns, CancellationToken cancel)
    {
        var first = header ? reader.Next() : null;
        Columns = Checked(columns.Count > 0 ? columns : first ?? [], columns.Count > 0 ? "'columns'" : "'text': the header");
        var rows = new List<Value>();
        var length = Columns.Count;
        while (reader.Next() is { } cells)
        {
            cancel.ThrowIfCancellationRequested();
            length = length == 0 ? cells.Count : length;
            if (cells.Count != length && !fit)
                throw PieceException.Input($"'text': line {reader.Line} has {cells.Count} cells, and {length} are expected.");
            rows.Add(Columns.Count > 0 ? Named(cells) : ValueList.Of(Enumerable.Range(0, length).Select(i => Cell(cells, i))));
        }
        return rows;
    }

    private static IReadOnlyList<string> Checked(IReadOnlyList<string> names, string where)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        return [.. names.Select((name, i) => name.Trim() is { Length: > 0 } given
            ? seen.Add(given) ? given : throw PieceException.Input($"{where} has the name '{Shown.Cut(given)}' twice; give the names with 'columns'.")
            : $"column{i + 1}")];
    }

    private Value Named(List<string> cells)
    {
        var row = new ValueObject.Builder();
        for (var i = 0; i < Columns.Count; i++)
        {
            Count(Columns[i].Length);
            row.Set(Columns[i], Cell(cells, i));
        }
        return Value.Of(row.ToObject());
    }

    private Value Cell(List<string> cells, int index)
    {
        var text = index < cells.Count ? cells[index] : "";
        Count(text.Length + 1);
        return readNumbers && IsPlainNumber(text) && NumberFunctions.TryParse(text, out var number) ? number : Value.Of(text);
    }

    // Leading zeros, plus signs and too many digits are those of codes and telephone numbers, and would be lost.
    private static bool IsPlainNumber(string text)
    {
        var digits = text.AsSpan(text.StartsWith('-') ? 1 : 0);
        if (digits.Length is 0 or > 15 || !char.IsAsciiDigit(digits[0]) || !char.IsAsciiDigit(digits[^1]))
            return false;
        return (digits[0] != '0' || digits.Length == 1 || digits[1] == '.') && digits.IndexOfAnyExcept(s_digitsAndPoint) < 0 && digits.Count('.') <= 1;
    }

    private void Count(int size)
    {
        _size += size;
        if (_size > maxSize)
            throw PieceException.Final(string.Create(CultureInfo.InvariantCulture, $"the table is larger than {maxSize} characters (limit: Flows__Limits__PayloadMiB)."), "limit");
    }
}
