using System.Security.Cryptography;
using System.Text;
using Flows.ServiceDefaults.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.ServiceDefaults;

/// <summary>Something that has to be asked for before the page is written, because an instrument can only say what is known already.</summary>
/// <param name="Refresh">Is given two seconds, and says nothing of a failure: its instruments then say what was known before.</param>
public sealed record ScrapeSource(Func<CancellationToken, Task> Refresh);

/// <summary>GET /metrics: what the meters of this process have counted, for Prometheus.</summary>
public static class MetricsEndpoint
{
    /// <summary>A key for scrapers of processes that have no users; at least 16 characters.</summary>
    public const string KeySetting = "Flows:Metrics:Key";
    private const int ShortestKey = 16;
    private static readonly TimeSpan s_refreshLimit = TimeSpan.FromSeconds(2);

    /// <summary>Maps the page. Who may read it is for the caller to say.</summary>
    public static RouteHandlerBuilder MapMetrics(this IEndpointRouteBuilder app)
    {
        app.ServiceProvider.GetRequiredService<MeteredFamilies>(); // counts from now on
        return app.MapGet("/metrics", ShowAsync).ExcludeFromDescription();
    }

    /// <summary>Maps the page for callers that bring Flows__Metrics__Key as their bearer token. Without that setting there is no page.</summary>
    /// <exception cref="StartRefusedException">The key is too short.</exception>
    public static void MapMetricsWithKey(this WebApplication app)
    {
        if (app.Configuration[KeySetting] is not { Length: > 0 } key)
            return;
        if (key.Length < ShortestKey)
            throw new StartRefusedException($"Flows__Metrics__Key: it needs at least {ShortestKey} characters.");
        var expected = SHA256.HashData(Encoding.UTF8.GetBytes($"Bearer {key}"));
        app.MapMetrics().AllowAnonymous().AddEndpointFilter(async (context, next) =>
        {
            var given = SHA256.HashData(Encoding.UTF8.GetBytes(context.HttpContext.Request.Headers.Authorization.ToString()));
            return CryptographicOperations.FixedTimeEquals(given, expected)
                ? await next(context)
                : Results.Problem("Send Flows__Metrics__Key as the bearer token.", statusCode: StatusCodes.Status401Unauthorized);
        });
    }

    private static async Task<IResult> ShowAsync(MeteredFamilies families, IEnumerable<ScrapeSource> sources, HttpContext http, CancellationToken cancel)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(s_refreshLimit);
        await Task.WhenAll(sources.Select(source => source.Refresh(late.Token))).WaitAsync(s_refreshLimit, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        http.Response.Headers.CacheControl = "no-store";
        return Results.Text(families.Write(), MetricsText.ContentType);
    }
}
