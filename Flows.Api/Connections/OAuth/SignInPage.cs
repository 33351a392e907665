using System.Text.Encodings.Web;

namespace Flows.Api.Connections.OAuth;

/// <summary>The pages at the end of a sign-in: HTML made here, without script. What services and people have named is shown as text.</summary>
internal sealed class SignInPage(string body, int status) : IResult
{
    private const int LongestReason = 300;
    private const string Style = """
        :root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6470;--line:#d9dee5;--card:#fff;--back:#f3f5f8;--go:#2456c9;--no:#b3382c}
        @media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--soft:#9aa4b1;--line:#363d47;--card:#1d2229;--back:#14181d;--go:#4779ea;--no:#cf5146}}
        *{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:34rem;margin:6vh auto;padding:0 1rem}article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.75rem}
        h1{font-size:1.35rem;line-height:1.3;margin:0 0 .5rem}p{margin:.5rem 0;overflow-wrap:anywhere}.soft{color:var(--soft);font-size:.9rem}
        button{font:inherit;font-weight:600;color:#fff;background:var(--go);border:0;border-radius:8px;padding:.75rem 1.5rem;margin-top:1rem;cursor:pointer;width:100%}
        button:focus-visible{outline:3px solid #4c8dff;outline-offset:2px}.bad{border-left:3px solid var(--no);padding-left:1rem}
        """;

    private static readonly HtmlFrame s_frame = new(Style);

    public static SignInPage Unknown { get; } = new(
        "<h1>There is no such sign-in</h1><p>It was finished already, or it took longer than ten minutes. Start it again from the connection.</p>",
        StatusCodes.Status404NotFound);

    public static SignInPage OtherBrowser { get; } = new(
        "<h1>This cannot be finished here</h1><p>The page that asks you belongs to another browser, or cookies are switched off. Nothing was connected. Start the sign-in again.</p>",
        StatusCodes.Status400BadRequest);

    public static SignInPage Ask(PendingSignIn pending, string state, string code) => new($"""
        <h1>Connect this account?</h1>
        <p>Flows of the project <strong>{Text(pending.ProjectName)}</strong> will act with the account you have just signed in with, through the connection <strong>{Text(pending.ConnectionName)}</strong>.</p>
        <p class="soft">Asked for by {Text(pending.StartedBy)}. If you have not started this yourself, close the page.</p>
        <form method="post" action="{SignInEndpoints.CallbackPath}"><input type="hidden" name="state" value="{Text(state)}"><input type="hidden" name="code" value="{Text(code)}"><button>Connect</button></form>
        """, StatusCodes.Status200OK);

    /// <summary>The service sent the browser back without a code.</summary>
    public static SignInPage Refused(PendingSignIn pending, string? error, string? description) => new($"""
        <h1>Nothing was connected</h1>
        <p class="bad">{Text(error == "access_denied" ? "The sign-in was refused." : $"The service says: {Shortened(string.Join(": ", new[] { error ?? "nothing", description }.Where(text => !string.IsNullOrEmpty(text))))}")}</p>
        <p class="soft">The connection {Text(pending.ConnectionName)} is as it was.</p>
        """, StatusCodes.Status400BadRequest);

    public static SignInPage Ended(SignInEnd end) => end.Problem is { } problem
        ? new SignInPage($"<h1>Nothing was connected</h1><p class=\"bad\">{Text(problem)}</p>", StatusCodes.Status400BadRequest)
        : new SignInPage($"<h1>Connected</h1><p>The connection <strong>{Text(end.ConnectionName ?? "")}</strong> is ready. You may close this page.</p>", StatusCodes.Status200OK);

    public Task ExecuteAsync(HttpContext httpContext) => s_frame.WriteAsync(httpContext, "Sign-in", body, status);

    private static string Text(string text) => HtmlEncoder.Default.Encode(text);

    private static string Shortened(string text) => text.Length <= LongestReason ? text : text[..LongestReason] + "…";
}
