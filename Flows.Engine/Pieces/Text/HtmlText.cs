using System.Net;
using System.Text;

namespace Flows.Engine.Pieces.Text;

/// <summary>Reads the words off HTML, in one pass. It is no browser: broken HTML gives some text, never an error.</summary>
internal sealed class HtmlText(string html)
{
    private static readonly string[] s_unread = ["script", "style", "head", "template", "noscript"];
    private static readonly string[] s_paragraphs = ["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "table", "pre"];
    private static readonly string[] s_lines = ["div", "li", "tr", "section", "article", "header", "footer", "dt", "dd", "hr"];

    private readonly StringBuilder _text = new(html.Length / 2);
    private int _at;
    private int _breaks;
    private bool _space;
    private int _preformatted;

    public string Read()
    {
        while (_at < html.Length)
        {
            if (html[_at] == '<' && _at + 1 < html.Length && (char.IsAsciiLetter(html[_at + 1]) || html[_at + 1] is '/' or '!' or '?'))
                Tag();
            else
                Words();
        }
        return _text.ToString().TrimEnd();
    }

    private void Words()
    {
        var end = html.IndexOf('<', _at + 1);
        var words = html[_at..(end < 0 ? html.Length : end)];
        _at += words.Length;
        foreach (var c in WebUtility.HtmlDecode(words))
        {
            if (_preformatted > 0 && c == '\n')
                Break(_breaks + 1);
            else if (char.IsWhiteSpace(c))
                _space = true;
            else
                Append(c);
        }
    }

    private void Append(char c)
    {
        if (_text.Length > 0)
        {
            if (_breaks > 0)
                _text.Append('\n', Math.Min(_breaks, 2));
            else if (_space)
                _text.Append(' ');
        }
        (_breaks, _space) = (0, false);
        _text.Append(c);
    }

    private void Break(int lines) => (_breaks, _space) = (Math.Max(_breaks, lines), false);

    private void Tag()
    {
        if (html.AsSpan(_at).StartsWith("<!--"))
        {
            SkipPast("-->", _at + 4);
            return;
        }
        var isEnd = html[_at + 1] == '/';
        var start = _at + (isEnd ? 2 : 1);
        var end = start;
        while (end < html.Length && char.IsAsciiLetterOrDigit(html[end]))
            end++;
        var name = html[start..end].ToLowerInvariant();
        _at = end;
        SkipAttributes();

        if (!isEnd && s_unread.Contains(name))
        {
            // What stands in these is not HTML or not for readers.
            SkipPast($"</{name}", _at);
            SkipAttributes();
        }
        else if (name == "br")
            Break(_breaks + 1);
        else if (s_paragraphs.Contains(name))
            Break(2);
        else if (s_lines.Contains(name))
            Break(1);
        else if (name is "td" or "th")
            _space = true;

        if (name == "pre")
            _preformatted = Math.Max(0, _preformatted + (isEnd ? -1 : 1));
        if (name == "li" && !isEnd)
        {
            Append('-');
            _space = true;
        }
    }

    // Past the next '>' outside of quotes; a tag that never ends takes the rest with it, as in a browser.
    private void SkipAttributes()
    {
        var quote = '\0';
        for (; _at < html.Length; _at++)
        {
            var c = html[_at];
            if (quote != '\0')
                quote = c == quote ? '\0' : quote;
            else if (c is '"' or '\'')
                quote = c;
            else if (c == '>')
            {
                _at++;
                return;
            }
        }
    }

    private void SkipPast(string end, int from)
    {
        var found = html.IndexOf(end, Math.Min(from, html.Length), StringComparison.OrdinalIgnoreCase);
        _at = found < 0 ? html.Length : found + end.Length;
    }
}
