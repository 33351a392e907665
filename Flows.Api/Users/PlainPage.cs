using System.Text.Encodings.Web;

namespace Flows.Api.Users;

/// <summary>A small page with a form: HTML made here, without script.</summary>
/// <param name="body">HTML; whatever came from outside has gone through <see cref="Text"/>.</param>
internal sealed class PlainPage(string title, string body, int status = StatusCodes.Status200OK) : IResult
{
    private const string Style = """
        :root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6470;--line:#d9dee5;--card:#fff;--back:#f3f5f8;--go:#2457c5;--bad:#b3382c}
        @media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--soft:#9aa4b1;--line:#363d47;--card:#1d2229;--back:#14181d;--go:#3d6fe0;--bad:#cf5146}}
        *{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:26rem;margin:10vh auto;padding:0 1rem}article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.75rem}
        h1{font-size:1.35rem;line-height:1.3;margin:0 0 .5rem}p{margin:.5rem 0}.soft{color:var(--soft);font-size:.9rem}a{color:inherit}
        label{display:block;font-weight:600;margin:1rem 0 .25rem}input{width:100%;font:inherit;color:inherit;background:var(--back);border:1px solid var(--line);border-radius:8px;padding:.6rem .7rem}
        button{width:100%;margin-top:1.5rem;font:inherit;font-weight:600;color:#fff;background:var(--go);border:0;border-radius:8px;padding:.75rem;cursor:pointer}
        button:focus-visible,input:focus-visible{outline:3px solid #4c8dff;outline-offset:2px}
        .bad{border:1px solid var(--bad);border-radius:8px;padding:.75rem 1rem;margin:1rem 0 0;font-weight:600}ul{padding-left:1.2rem}
        """;

    private static readonly HtmlFrame s_frame = new(Style);

    /// <summary>
    /// The way from the address of a request to the root of this installation: <c>./</c> or some <c>../</c>. Addresses that begin with it are
    /// right below any prefix, also one that a proxy in front has taken off.
    /// </summary>
    public static string RootFrom(HttpRequest request) =>
        request.Path.Value!.Count(c => c == '/') is > 1 and var depth ? string.Concat(Enumerable.Repeat("../", depth - 1)) : "./";

    public static string Text(string value) => HtmlEncoder.Default.Encode(value);

    /// <summary>What went wrong, for readers of screens too; nothing when nothing did.</summary>
    public static string Problem(string? problem) => problem is null ? "" : $"<p class=\"bad\" role=\"alert\">{Text(problem)}</p>";

    public Task ExecuteAsync(HttpContext httpContext)
    {
        // "same-origin" and not "no-referrer": with the latter a browser sends "Origin: null" with our forms.
        httpContext.Response.Headers["Referrer-Policy"] = "same-origin";
        return s_frame.WriteAsync(httpContext, title, body, status);
    }
}
