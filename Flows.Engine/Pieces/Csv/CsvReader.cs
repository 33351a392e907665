using System.Text;

namespace Flows.Engine.Pieces.Csv;

/// <summary>
/// Takes a text apart into records of cells, in one pass:
/// <code>
/// record => cell ( DELIMITER cell )* ( CRLF | LF | CR | end ) ;
/// cell   => QUOTE ( any but QUOTE | QUOTE QUOTE )* QUOTE | ( any but DELIMITER, line end; QUOTE not first )* ;
/// </code>
/// Empty lines are no records.
/// </summary>
internal sealed class CsvReader(string text, char delimiter, char quote, bool trim)
{
    private readonly StringBuilder _cell = new();
    private int _at = text.StartsWith('\uFEFF') ? 1 : 0;
    private int _line = 1;

    /// <summary>The line on which the last record began, from 1.</summary>
    public int Line { get; private set; }

    /// <summary>The next record; null at the end.</summary>
    /// <exception cref="PieceException">A quote is not closed, or something follows it; the message names the line.</exception>
    public List<string>? Next()
    {
        while (_at < text.Length && text[_at] is '\r' or '\n')
            EndLine();
        if (_at >= text.Length)
            return null;

        Line = _line;
        var cells = new List<string>();
        while (true)
        {
            cells.Add(Cell());
            if (_at >= text.Length)
                return cells;
            if (text[_at] == delimiter)
            {
                _at++;
                continue;
            }
            EndLine();
            return cells;
        }
    }

    private string Cell()
    {
        if (trim)
            SkipBlanks();
        if (_at < text.Length && text[_at] == quote)
            return Quoted();
        var start = _at;
        while (_at < text.Length && text[_at] != delimiter && text[_at] is not ('\r' or '\n'))
            _at++;
        return trim ? text[start.._at].TrimEnd() : text[start.._at];
    }

    private string Quoted()
    {
        var opened = _line;
        _cell.Clear();
        _at++;
        while (_at < text.Length)
        {
            var c = text[_at++];
            if (c == quote)
            {
                if (_at >= text.Length || text[_at] != quote)
                    return Closed();
                _at++;
            }
            else if (c == '\n' || (c == '\r' && (_at >= text.Length || text[_at] != '\n')))
                _line++;
            _cell.Append(c);
        }
        throw PieceException.Input($"'text': the quote that opens on line {opened} is never closed.");
    }

    private string Closed()
    {
        if (trim)
            SkipBlanks();
        if (_at < text.Length && text[_at] != delimiter && text[_at] is not ('\r' or '\n'))
            throw PieceException.Input($"'text': on line {_line} something follows a closing quote; a quote inside a cell is written twice.");
        return _cell.ToString();
    }

    private void SkipBlanks()
    {
        while (_at < text.Length && text[_at] is ' ' or '\t' && text[_at] != delimiter)
            _at++;
    }

    private void EndLine()
    {
        _at += text[_at] == '\r' && _at + 1 < text.Length && text[_at + 1] == '\n' ? 2 : 1;
        _line++;
    }
}
