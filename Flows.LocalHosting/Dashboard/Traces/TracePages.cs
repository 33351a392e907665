using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;

namespace Flows.LocalHosting.Dashboard.Traces;

/// <summary>The traces as HTML without script. Bars are shapes with attributes, because the page's policy allows no styles of elements.</summary>
internal static class TracePages
{
    private const int Shown = 100;
    private static readonly string[] s_shownTags =
        ["flows.run.id", "flows.run.attempt", "flows.run.status", "flows.step.path", "flows.step.piece", "flows.step.status", "error.type", "http.response.status_code", "server.address"];

    /// <param name="all">Also those without a run.</param>
    public static string List(TraceMemory memory, bool all)
    {
        var traces = memory.Newest(Shown, onlyRuns: !all);
        var html = Begin("Traces of recent runs", all ? "" : " <a href=\"/traces?all=true\">Show those without a run too</a>");
        html.Append("<table class=\"traces\"><thead><tr><th>Began<th>What<th>Run<th>Attempts<th>Processes<th class=\"number\">Spans<th class=\"number\">Took</tr></thead><tbody>");
        foreach (var trace in traces)
        {
            var runs = trace.Spans.Where(span => span.Tag("flows.run.attempt") is not null).ToList();
            var failed = runs.Exists(span => span.IsError);
            html.Append(CultureInfo.InvariantCulture, $"""
                <tr><td>{trace.Start.UtcDateTime:HH:mm:ss.fff}<td><a href="/traces/{trace.Id}">{Text(NameOf(trace))}</a>{(failed ? " <b class=\"bad\">failed</b>" : "")}
                <td><code>{string.Join("<br>", runs.Select(span => span.Tag("flows.run.id") ?? "").Distinct().Take(5).Select(Text))}</code><td>{runs.Count}
                <td>{Text(string.Join(", ", trace.Spans.Select(span => span.Service).Distinct()))}<td class="number">{trace.Spans.Count}<td class="number">{Time(trace.End - trace.Start)}</tr>
                """);
        }
        html.Append("</tbody></table>");
        if (traces.Count == 0)
            html.Append("<p class=\"empty\">None yet. Start a run: what it does is here a few seconds later. Each process begins at most 20 traces in a second (Flows__Telemetry__TracesPerSecond).</p>");
        return End(html);
    }

    /// <summary>One trace as a waterfall.</summary>
    /// <param name="all">Also what the database was asked, of which there is a lot.</param>
    public static string Show(Trace trace, bool all)
    {
        var (start, length) = (trace.Start, Math.Max(1, (trace.End - trace.Start).Ticks));
        var html = Begin(NameOf(trace), $" <a href=\"/traces\">All traces</a> <code>{trace.Id}</code>, {Time(trace.End - trace.Start)}");
        html.Append("<table class=\"traces waterfall\"><thead><tr><th>What<th>Process<th class=\"number\">After<th class=\"number\">Took<th class=\"bar\">When<th>Details</tr></thead><tbody>");
        var asked = 0;
        foreach (var (span, depth) in trace.InOrder())
        {
            if (!all && !span.IsError && span.Tags.Any(tag => tag.Key.StartsWith("db.", StringComparison.Ordinal)))
            {
                asked++;
                continue;
            }
            var (x, width) = (100.0 * (span.Start - start).Ticks / length, 100.0 * span.Took.Ticks / length);
            html.Append(CultureInfo.InvariantCulture, $"""
                <tr><td class="depth{Math.Min(depth, 8)}">{Text(span.Name)}<td>{Text(span.Service)} <span class="soft">{Text(span.Instance)}</span><td class="number">{Time(span.Start - start)}<td class="number">{Time(span.Took)}
                <td class="bar"><svg width="100%" height="14" role="img" aria-label="{Time(span.Start - start)} to {Time(span.End - start)}"><rect class="{(span.IsError ? "bad" : "k" + (int)span.Kind)}" x="{x:0.###}%" width="{Math.Max(0.3, width):0.###}%" y="2" height="10" rx="2"/></svg>
                <td class="details">{Details(span)}</tr>
                """);
        }
        html.Append("</tbody></table>");
        if (asked > 0)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"empty\">{asked} questions to the database are left out. <a href=\"/traces/{trace.Id}?all=true\">Show them too</a></p>");
        if (trace.LeftOut > 0)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"empty\">{trace.LeftOut} further spans are not kept.</p>");
        return End(html);
    }

    private static string Details(Span span)
    {
        var parts = s_shownTags.Select(name => (Name: name, Value: span.Tag(name))).Where(tag => tag.Value is { Length: > 0 })
            .Select(tag => $"<span class=\"soft\">{tag.Name[(tag.Name.IndexOf('.', StringComparison.Ordinal) + 1)..]}</span> {Text(tag.Value!)}").ToList();
        if (span.IsError)
            parts.Insert(0, $"<b class=\"bad\">{Text(span.Error.Length > 0 ? span.Error : "error")}</b>");
        parts.AddRange(span.Links.Where(link => link != span.TraceId).Distinct().Select(link => $"<a href=\"/traces/{link}\">linked trace</a>"));
        return string.Join(" · ", parts);
    }

    private static string NameOf(Trace trace) =>
        (trace.Spans.Where(span => span.Tag("flows.run.attempt") is not null).MinBy(span => span.Start) ?? trace.Spans.MinBy(span => span.Start)!).Name;

    private static StringBuilder Begin(string title, string beside) => new StringBuilder(16 << 10).Append(CultureInfo.InvariantCulture, $"""
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{Text(title)} · Flows · development</title>
        <link rel="stylesheet" href="/dashboard.css"></head><body>
        <header><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 4h8M6 8h8M2 12h8"/></svg><h1><a href="/">Flows <span>development</span></a></h1><nav class="pages"><a href="/">Resources</a> <a href="/traces">Traces</a></nav></header>
        <main class="page"><section><h2>{Text(title)}</h2><p class="beside">{beside}</p>
        """);

    private static string End(StringBuilder html) => html.Append("</section></main></body></html>").ToString();

    private static string Time(TimeSpan time) => time.TotalSeconds switch
    {
        < 0.0995 => time.TotalMilliseconds.ToString("0.0 'ms'", CultureInfo.InvariantCulture),
        < 1 => time.TotalMilliseconds.ToString("0 'ms'", CultureInfo.InvariantCulture),
        < 120 => time.TotalSeconds.ToString("0.0 's'", CultureInfo.InvariantCulture),
        _ => time.TotalMinutes.ToString("0.0 'min'", CultureInfo.InvariantCulture),
    };

    private static string Text(string value) => HtmlEncoder.Default.Encode(value);
}
