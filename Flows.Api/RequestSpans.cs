using System.Diagnostics;

namespace Flows.Api;

/// <summary>
/// Names the span of a request by its method and route: <c>POST /webhooks/{flowId:guid}/sync</c>. The path itself is never told, because it may hold the secret of a link.
/// </summary>
internal static class RequestSpans
{
    /// <summary>After the routing.</summary>
    public static void UseRequestSpans(this IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        if (Activity.Current is not { IsAllDataRequested: true } span || http.GetEndpoint() is not RouteEndpoint { RoutePattern.RawText: { } route })
        {
            await next(http);
            return;
        }
        route = route.StartsWith('/') ? route : $"/{route}";
        span.DisplayName = $"{http.Request.Method} {route}";
        span.SetTag("http.request.method", http.Request.Method).SetTag("http.route", route);
        await next(http);
        span.SetTag("http.response.status_code", http.Response.StatusCode);
    });
}
