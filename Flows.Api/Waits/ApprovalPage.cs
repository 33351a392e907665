using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Flows.Contracts.Json;

namespace Flows.Api.Waits;

/// <summary>The approval page: HTML made here, without script, so that it works in any browser and nothing in a message can run.</summary>
internal sealed class ApprovalPage(string body, int status) : IResult
{
    private const string Style = """
        :root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6470;--line:#d9dee5;--card:#fff;--back:#f3f5f8;--yes:#1a7f4b;--no:#b3382c}
        @media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--soft:#9aa4b1;--line:#363d47;--card:#1d2229;--back:#14181d;--yes:#2c9c62;--no:#cf5146}}
        *{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:34rem;margin:6vh auto;padding:0 1rem}article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.75rem}
        h1{font-size:1.35rem;line-height:1.3;margin:0 0 .25rem}p{margin:.5rem 0}.soft{color:var(--soft);font-size:.9rem}
        .message{white-space:pre-wrap;overflow-wrap:anywhere;border-left:3px solid var(--line);padding:.25rem 0 .25rem 1rem;margin:1.25rem 0}
        label{display:block;font-weight:600;margin:1rem 0 .25rem}input,textarea{width:100%;font:inherit;color:inherit;background:var(--back);border:1px solid var(--line);border-radius:8px;padding:.6rem .7rem}
        .row{display:flex;gap:.75rem;margin-top:1.25rem}button{flex:1;font:inherit;font-weight:600;color:#fff;border:0;border-radius:8px;padding:.75rem;cursor:pointer}
        .yes{background:var(--yes)}.no{background:var(--no)}button:focus-visible,input:focus-visible,textarea:focus-visible{outline:3px solid #4c8dff;outline-offset:2px}
        .note{border-radius:8px;padding:.75rem 1rem;margin:1.25rem 0 0;border:1px solid var(--line);font-weight:600}.note.bad{border-color:var(--no)}.note.good{border-color:var(--yes)}
        ul{padding-left:1.2rem;margin:.5rem 0 0}li{overflow-wrap:anywhere}
        """;

    private static readonly HtmlFrame s_frame = new(Style);

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The page for a link that is none.</summary>
    public static string Unknown => "<h1>There is no such link</h1><p class=\"soft\">It may be cut off: copy all of it from the message you got.</p>";

    /// <param name="problem">Why the word that was just sent does not count.</param>
    /// <param name="said">The word that was just sent and counts: <c>approve</c> or <c>refuse</c>.</param>
    public static string Of(ApprovalView approval, string? problem, string? said)
    {
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"<h1>{Text(approval.Flow.Length == 0 ? "A flow" : approval.Flow)} asks for approval</h1>");
        html.Append(CultureInfo.InvariantCulture, $"<p class=\"soft\">Step {Text(approval.Path)} · run {approval.RunId}</p>");
        if (approval.Message is { IsNull: false } message)
            html.Append(CultureInfo.InvariantCulture, $"<div class=\"message\">{Text(TextOf(message))}</div>");
        if (problem is not null)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"note bad\" role=\"alert\">{Text(problem)}</p>");
        else if (said is not null)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"note good\" role=\"status\">Thank you: you have {(said == "approve" ? "approved" : "refused")} this.</p>");
        AppendState(html, approval, said is not null);
        AppendVotes(html, approval.Votes);
        return html.ToString();
    }

    public Task ExecuteAsync(HttpContext httpContext) => s_frame.WriteAsync(httpContext, "Approval", body, status);

    private static void AppendState(StringBuilder html, ApprovalView approval, bool hasSpoken)
    {
        var already = approval.Approver is { } approver && new Ballot(approval.Votes).Of(approver) is not null;
        switch (approval.State)
        {
            case ApprovalState.Open when hasSpoken || already:
                html.Append(approval.Approvers > 1
                    ? string.Create(CultureInfo.InvariantCulture, $"<p>{approval.Votes.Count(vote => vote.Approved)} of {approval.Approvers} approvals are there.</p>")
                    : "<p>The flow goes on as soon as it gets here.</p>");
                break;
            case ApprovalState.Open:
                AppendForm(html, approval);
                break;
            default:
                html.Append(CultureInfo.InvariantCulture, $"<p class=\"note\">{approval.State switch
                {
                    ApprovalState.Approved => "This is approved.",
                    ApprovalState.Refused => "This is refused.",
                    ApprovalState.Expired => "The time for this is over.",
                    _ => "The run that asked is over.",
                }}</p>");
                break;
        }
    }

    private static void AppendForm(StringBuilder html, ApprovalView approval)
    {
        if (approval.Approvers > 1)
            html.Append(CultureInfo.InvariantCulture, $"<p>{approval.Approvers} approvals are needed, {approval.Votes.Count(vote => vote.Approved)} are there. One refusal decides.</p>");
        if (approval.Expires is { } expires)
            html.Append(CultureInfo.InvariantCulture, $"<p class=\"soft\">Open until {expires.UtcDateTime:d MMMM yyyy, HH:mm} UTC</p>");
        html.Append("<form method=\"post\">");
        if (approval.Approver is { } approver)
            html.Append(CultureInfo.InvariantCulture, $"<p>You decide as <strong>{Text(approver)}</strong>.</p>");
        else
        {
            html.Append(CultureInfo.InvariantCulture,
                $"<label for=\"name\">Your name</label><input id=\"name\" name=\"name\" autocomplete=\"name\" maxlength=\"{Approvals.LongestName}\"{(approval.Approvers > 1 ? " required" : "")}>");
        }
        html.Append(CultureInfo.InvariantCulture, $"""
            <label for="comment">Comment</label><textarea id="comment" name="comment" rows="3" maxlength="{Approvals.LongestComment}"></textarea>
            <div class="row"><button class="yes" name="decision" value="approve">Approve</button><button class="no" name="decision" value="refuse">Refuse</button></div></form>
            """);
    }

    private static void AppendVotes(StringBuilder html, IReadOnlyList<Vote> votes)
    {
        if (votes.Count == 0)
            return;
        html.Append("<ul class=\"soft\">");
        foreach (var vote in votes)
        {
            html.Append(CultureInfo.InvariantCulture,
                $"<li>{Text(vote.By)} {(vote.Approved ? "approved" : "refused")} on {vote.At.UtcDateTime:d MMMM yyyy, HH:mm} UTC{(vote.Comment is { } comment ? $": {Text(comment)}" : "")}</li>");
        }
        html.Append("</ul>");
    }

    private static string TextOf(RawJson message) =>
        JsonNode.Parse(message.Utf8.Span) switch
        {
            JsonValue value when value.TryGetValue<string>(out var text) => text,
            var node => node?.ToJsonString(s_indented) ?? "",
        };

    private static string Text(string text) => HtmlEncoder.Default.Encode(text);
}
