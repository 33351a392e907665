using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using Flows.Api.Users;
using Flows.Contracts.Runs;
using Flows.Queue;
using Flows.Queue.Redis;

namespace Flows.Api.Queues;

/// <summary>The queue in one page of HTML: no script, and every button is a form.</summary>
internal static class QueuePage
{
    private const string Style = """
        body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1c2330;background:#fff}
        h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}p{margin:.3rem 0;color:#5b6575}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .7rem .35rem 0;border-bottom:1px solid #e3e7ee}
        th{font-weight:600;color:#5b6575;font-size:.85rem}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
        code{font-size:.85rem}form{display:inline}button{font:inherit;padding:.15rem .7rem;border:1px solid #c5ccd8;border-radius:.4rem;background:#f6f8fb;cursor:pointer}
        ul{display:flex;gap:2.5rem;list-style:none;padding:0;margin:1.2rem 0}li b{display:block;font-size:1.6rem;font-variant-numeric:tabular-nums}li{color:#5b6575}
        .warn{color:#9a3412}svg{width:100%;height:4rem;display:block;border-bottom:1px solid #e3e7ee}.e{fill:#cbd5e1}.f{fill:#2563eb}.x{fill:#dc2626}
        @media(prefers-color-scheme:dark){body{background:#12161d;color:#e6e9ef}p,th,li{color:#98a2b3}th,td{border-color:#2a313c}button{background:#1d2430;border-color:#3a4352;color:inherit}.warn{color:#fdba74}.e{fill:#334155}.f{fill:#60a5fa}svg{border-color:#2a313c}}
        """;

    /// <param name="project">Whose lists, jobs and letters are shown; the sums are those of the whole queue.</param>
    /// <param name="formToken">What the forms of a session must carry; null for a caller without one.</param>
    /// <param name="root">The way from the page's address to the root of this installation: see <see cref="PlainPage.RootFrom"/>.</param>
    /// <param name="at">The time now, where the charts end.</param>
    public static string Render(QueueStatistics now, QueueOverview overview, Guid project, string? formToken, string root, DateTimeOffset at)
    {
        var page = new StringBuilder(8192);
        page.Append(CultureInfo.InvariantCulture, $"""
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <meta http-equiv="refresh" content="5"><title>Flows: the queue</title><style>{Style}</style></head><body>
            <h1>The queue</h1><p>Provider: {Text(now.Provider)}. The page asks anew every five seconds.</p>
            <ul><li><b>{now.Waiting.Values.Sum()}</b>waiting</li><li><b>{Span(now.OldestWait)}</b>oldest wait</li><li><b>{now.Active}</b>in work</li>
            <li><b>{now.Delayed}</b>delayed</li><li><b>{now.Paused}</b>of paused flows</li><li><b class="{(now.Dead > 0 ? "warn" : "")}">{now.Dead}</b>dead letters</li></ul>
            """);
        QueueChart.Append(page, "The last hour, by minute", now.Minutes, TimeSpan.FromMinutes(1), periods: 60, at);
        QueueChart.Append(page, "The last week, by hour", now.Hours, TimeSpan.FromHours(1), periods: 168, at);
        AppendPriorities(page, now);
        AppendProject(page, now, overview, project, formToken, root);
        AppendConsumers(page, overview);
        AppendActive(page, overview, project);
        AppendDead(page, overview, project, formToken, root);
        return page.Append("</body></html>").ToString();
    }

    private static void AppendPriorities(StringBuilder page, QueueStatistics now)
    {
        page.Append("<h2>By priority</h2><table><tr><th>Priority<th class=n>Waiting<th class=n>Oldest wait</tr>");
        foreach (var priority in Enum.GetValues<RunPriority>())
        {
            var oldest = now.Backlogs.Where(backlog => backlog.Priority == priority).Select(backlog => backlog.OldestWait).DefaultIfEmpty().Max();
            page.Append(CultureInfo.InvariantCulture,
                $"<tr><td>{priority}<td class=n>{now.Waiting.GetValueOrDefault(priority)}<td class=n>{Span(oldest)}</tr>");
        }
        page.Append("</table>");
    }

    private static void AppendProject(StringBuilder page, QueueStatistics now, QueueOverview overview, Guid project, string? formToken, string root)
    {
        var mine = now.Backlogs.Where(backlog => backlog.ProjectId == project).OrderBy(backlog => backlog.Priority).ToList();
        var limit = overview.Limits.TryGetValue(project, out var own) ? own : (int?)null;
        var state = limit switch
        {
            0 => "<b class=warn>paused</b>: its runs are accepted and wait.",
            { } most => $"at most {most.ToString(CultureInfo.InvariantCulture)} runs at a time.",
            null => "no limit of its own.",
        };
        var (path, word) = limit == 0 ? ("resume", "Resume") : ("pause", "Pause");
        page.Append(CultureInfo.InvariantCulture, $"""
            <h2>This project</h2><p><code>{project}</code>: {state}
            {Form(path, word, project, formToken, root)}</p>
            """);
        if (mine.Count == 0)
        {
            page.Append("<p>Nothing of it waits.</p>");
            return;
        }
        page.Append("<table><tr><th>Priority<th class=n>Waiting<th class=n>Oldest wait</tr>");
        foreach (var backlog in mine)
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{backlog.Priority}<td class=n>{backlog.Waiting}<td class=n>{Span(backlog.OldestWait)}</tr>");
        page.Append("</table>");
    }

    private static void AppendConsumers(StringBuilder page, QueueOverview overview)
    {
        page.Append("<h2>Workers</h2>");
        if (overview.Consumers.Count == 0)
        {
            page.Append("<p>None.</p>");
            return;
        }
        page.Append("<table><tr><th>Consumer<th class=n>Jobs<th class=n>Lease ends in</tr>");
        foreach (var consumer in overview.Consumers)
            page.Append(CultureInfo.InvariantCulture, $"<tr><td><code>{Text(consumer.Name)}</code><td class=n>{consumer.Held}<td class=n>{Span(consumer.LeaseLeft)}</tr>");
        page.Append("</table>");
    }

    private static void AppendActive(StringBuilder page, QueueOverview overview, Guid project)
    {
        var mine = overview.Active.Where(active => active.Job.ProjectId == project).OrderByDescending(active => active.Age).ToList();
        if (mine.Count == 0)
            return;
        page.Append("<h2>In work</h2><table><tr><th>Run<th>Priority<th class=n>Delivery<th class=n>Since it was queued<th>Consumer</tr>");
        foreach (var active in mine)
        {
            page.Append(CultureInfo.InvariantCulture,
                $"<tr><td><code>{active.Job.RunId}</code><td>{active.Job.Priority}<td class=n>{active.Delivery}<td class=n>{Span(active.Age)}<td><code>{Text(active.Consumer)}</code></tr>");
        }
        page.Append("</table>");
    }

    private static void AppendDead(StringBuilder page, QueueOverview overview, Guid project, string? formToken, string root)
    {
        page.Append("<h2>Dead letters</h2><p>Jobs whose every delivery failed. Each is a bell: its run is untouched.</p>");
        var mine = overview.Dead.Where(letter => letter.Job.ProjectId == project).ToList();
        if (mine.Count == 0)
        {
            page.Append("<p>None of this project.</p>");
            return;
        }
        page.Append("<table><tr><th>Run<th>Priority<th class=n>Deliveries<th class=n>Given up<th></tr>");
        foreach (var letter in mine)
        {
            page.Append(CultureInfo.InvariantCulture, $"""
                <tr><td><code>{letter.Job.RunId}</code><td>{letter.Job.Priority}<td class=n>{letter.Deliveries}<td class=n>{Span(letter.Age)} ago<td>
                {Form($"dead/{letter.Job.RunId}/requeue", "Requeue", project, formToken, root)}
                {Form($"dead/{letter.Job.RunId}/discard", "Discard", project, formToken, root)}</tr>
                """);
        }
        page.Append("</table>");
    }

    private static string Form(string path, string word, Guid project, string? token, string root) => $"""
        <form method="post" action="{root}admin/queues/{path}?project={project}">{(token is null ? "" : $"<input type=\"hidden\" name=\"{FormToken.Field}\" value=\"{token}\">")}<button>{word}</button></form>
        """;

    private static string Text(string value) => HtmlEncoder.Default.Encode(value);

    private static string Span(TimeSpan time) => time.TotalSeconds switch
    {
        < 0 => "over",
        < 60 => time.TotalSeconds.ToString("0.0 s", CultureInfo.InvariantCulture),
        < 3600 => time.TotalMinutes.ToString("0.0 min", CultureInfo.InvariantCulture),
        _ => time.TotalHours.ToString("0.0 h", CultureInfo.InvariantCulture),
    };
}
