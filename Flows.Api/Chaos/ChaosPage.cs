using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using Flows.Api.Users;

namespace Flows.Api.Chaos;

/// <summary>The button that kills a worker, and what was seen when it was pressed: HTML without script.</summary>
/// <param name="refusal">Why the button that was just pressed did nothing.</param>
/// <param name="formToken">What the form of a session must carry; null for a caller without one.</param>
internal sealed class ChaosPage(Guid project, bool isTest, IReadOnlyList<ChaosReport> reports, ChaosRefusal? refusal, string? formToken) : IResult, IStatusCodeHttpResult
{
    private const int Whole = 3;

    private const string Style = """
        :root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6470;--line:#d9dee5;--card:#fff;--back:#f3f5f8;--bad:#b3382c;--good:#1a7f4b}
        @media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--soft:#9aa4b1;--line:#363d47;--card:#1d2229;--back:#14181d;--bad:#e0685d;--good:#3fb27a}}
        *{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        main{max-width:60rem;margin:4vh auto;padding:0 1rem}article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.75rem}
        h1{font-size:1.4rem;margin:0 0 .25rem}h2{font-size:1.05rem;margin:2rem 0 .25rem}p{margin:.4rem 0}.soft{color:var(--soft)}a{color:inherit}
        table{border-collapse:collapse;width:100%;margin:.75rem 0}th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
        th{color:var(--soft);font-size:.85rem}td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}code{font-size:.85rem;overflow-wrap:anywhere}
        button{font:inherit;font-weight:600;color:#fff;background:var(--bad);border:0;border-radius:8px;padding:.65rem 1.1rem;margin-top:.75rem;cursor:pointer}
        button:focus-visible{outline:3px solid #4c8dff;outline-offset:2px}.bad{color:var(--bad);font-weight:600}.good{color:var(--good);font-weight:600}
        """;

    private static readonly HtmlFrame s_frame = new(Style);

    public int? StatusCode => refusal is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        // While one is under way the page asks anew by itself; a header, because the page may run nothing.
        if (reports.Any(report => report.IsOpen))
            httpContext.Response.Headers["Refresh"] = "2";
        httpContext.Response.Headers["Referrer-Policy"] = "same-origin"; // else a browser sends "Origin: null" with the form
        return s_frame.WriteAsync(httpContext, "Kill a worker", Body(), StatusCode!.Value);
    }

    private string Body()
    {
        var html = new StringBuilder("""
            <h1>Kill a worker</h1><p class="soft">A sample run of this project is started. In the middle of it the worker that holds it ends itself, as if it had been killed,
            and another goes on. The run touches nothing but a number of its own, which it forgets. Whatever else the worker holds goes on elsewhere too, as after any crash.</p>
            """);
        if (refusal is not null)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"bad\" role=\"alert\">{Text(refusal.Detail)}</p>");
        if (!isTest)
            html.Append("<p><b>This is no test project.</b> An owner or admin can say that it is one, in the project's settings (<code>isTest</code>).</p>");
        else if (!reports.Any(report => report.IsOpen))
            html.Append(CultureInfo.InvariantCulture, $"<form method=\"post\" action=\"chaos?project={project}\">{(formToken is null ? "" : $"<input type=\"hidden\" name=\"{FormToken.Field}\" value=\"{formToken}\">")}<button>Kill a worker now</button></form>");
        foreach (var report in reports.Take(Whole))
            Append(html, report);
        if (reports.Count > Whole)
            AppendEarlier(html, reports.Skip(Whole));
        return html.ToString();
    }

    private static void Append(StringBuilder html, ChaosReport report)
    {
        html.Append(CultureInfo.InvariantCulture, $"<h2>{report.StartedAt.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC, by {Text(report.StartedBy)}</h2><p>{Summary(report)}</p>");
        foreach (var finding in report.Findings)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"bad\">{Text(finding)}</p>");
        html.Append("<table>");
        Row(html, "Sample run", $"<code>{report.RunId}</code>, {report.Status}, {report.Attempts} attempts{After(report.EndedAfterMs, ", over {0} after the worker was gone")}");
        if (report.Worker is { } worker)
            Row(html, "Killed", $"<code>{Text(worker)}</code>, which held {report.OtherRuns} other runs");
        if (report.TakenOverBy is { } next)
            Row(html, "Taken over by", $"<code>{Text(next)}</code>{After(report.TakenOverAfterMs, " after {0}")}");
        if (report.ReplacedBy is { } successor)
            Row(html, "In its place", $"<code>{Text(successor)}</code>{After(report.ReplacedAfterMs, " after {0}")}");
        html.Append("</table>");
        if (report.Steps.Count == 0)
            return;
        html.Append("<table><tr><th>Step<th>Kind<th>When the worker was killed<th>What became of it<th class=n>Attempt<th class=n>Took</tr>");
        foreach (var step in report.Steps)
        {
            html.Append(CultureInfo.InvariantCulture, $"""
                <tr><td><code>{Text(step.Path)}</code><td>{Text(step.Kind)}, {step.Effect.ToString().ToLowerInvariant()}<td>{step.Before?.ToString() ?? "not begun"}<td>{Words(step.Fate)}<td class=n>{step.Attempt}<td class=n>{Time(step.DurationMs)}</tr>
                """);
        }
        html.Append("</table>");
    }

    private static void AppendEarlier(StringBuilder html, IEnumerable<ChaosReport> earlier)
    {
        html.Append("<h2>Before that</h2><table>");
        foreach (var report in earlier)
            Row(html, $"{report.StartedAt.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC", Summary(report));
        html.Append("</table>");
    }

    private static void Row(StringBuilder html, string name, string value) => html.Append(CultureInfo.InvariantCulture, $"<tr><th>{name}<td>{value}</tr>");

    private static string Summary(ChaosReport report) => report.State switch
    {
        ChaosState.Starting => "The sample run is on its way to a worker.",
        ChaosState.Killing => "The worker is told to end itself.",
        ChaosState.Recovering => "The worker is gone, and another has the run.",
        ChaosState.Done when report.Findings.Count == 0 => $"<span class=\"good\">All is well.</span>{After(report.TakenOverAfterMs, " Another worker had the run after {0}; nothing was lost, and nothing was done twice.")}",
        ChaosState.Done => "<span class=\"bad\">Something is not as it must be.</span>",
        _ => $"<span class=\"bad\">It came to nothing.</span> {Text(report.Problem ?? "")}",
    };

    private static string Words(StepFate fate) => fate switch
    {
        StepFate.Replayed => "replayed from the journal, not done again",
        StepFate.RanAgain => "done again",
        StepFate.AskedAbout => "asked about, and repeated on the answer",
        StepFate.WentOn => "went on where it was",
        StepFate.RanAfter => "done afterwards",
        StepFate.Repeated => "<span class=\"bad\">done twice</span>",
        _ => "not over yet",
    };

    private static string After(double? milliseconds, string words) => milliseconds is null ? "" : string.Format(CultureInfo.InvariantCulture, words, Time(milliseconds));

    private static string Time(double? milliseconds) => milliseconds switch
    {
        null => "",
        < 1000 and var ms => ms.ToString("0 'ms'", CultureInfo.InvariantCulture),
        { } ms => (ms / 1000).ToString("0.0 's'", CultureInfo.InvariantCulture),
    };

    private static string Text(string value) => HtmlEncoder.Default.Encode(value);
}
