using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;
using IPNetwork = System.Net.IPNetwork;

namespace Flows.Api;

/// <summary>Who stands in front of this process. Bound from <c>Flows</c>.</summary>
public sealed class ProxyOptions
{
    public const string Section = "Flows";

    /// <summary>
    /// Addresses and ranges, separated by commas, of the proxies whose word about the caller's address, scheme and host counts:
    /// <c>10.0.0.5,10.1.0.0/16</c>. Empty, the default: nobody's.
    /// </summary>
    public string Proxies { get; set; } = "";

    /// <summary>Null when the setting is fine, else what is wrong with it.</summary>
    public static string? Problem(string value) => Entries(value).FirstOrDefault(entry => Read(entry) is null) is { } bad
        ? $"Flows__Proxies: '{bad}' is not an address or a range such as 10.1.0.0/16."
        : null;

    internal static IEnumerable<IPNetwork> Networks(string value) => Entries(value).Select(Read).OfType<IPNetwork>();

    private static string[] Entries(string value) => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static IPNetwork? Read(string entry) =>
        IPNetwork.TryParse(entry, out var network) ? network
        : !entry.Contains('/', StringComparison.Ordinal) && IPAddress.TryParse(entry, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : null;
}

/// <summary>What holds for every answer: headers that keep browsers careful, and whose word about the caller counts. CORS is off: no answer allows another origin.</summary>
internal static class HttpSafety
{
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static IHostApplicationBuilder AddHttpSafety(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IValidateOptions<ProxyOptions>, ProxyCheck>();
        builder.Services.AddOptions<ProxyOptions>().BindConfiguration(ProxyOptions.Section).ValidateOnStart();
        builder.Services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<ProxyOptions>>((forwarded, proxies) =>
        {
            forwarded.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var network in ProxyOptions.Networks(proxies.Value.Proxies))
                forwarded.KnownIPNetworks.Add(network);
            forwarded.ForwardLimit = 5; // each hop has to be one of them, so that no caller can make up the first
        });
        return builder;
    }

    /// <summary>First in the pipeline.</summary>
    public static void UseHttpSafety(this WebApplication app)
    {
        // Without an entry nothing is believed; the middleware itself would believe everybody.
        if (ProxyOptions.Networks(app.Services.GetRequiredService<IOptions<ProxyOptions>>().Value.Proxies).Any())
            app.UseForwardedHeaders();
        app.Use(static (context, next) =>
        {
            // The path of now: Hangfire's page moves it into the base of paths.
            var policy = context.Request.Path.StartsWithSegments("/admin", StringComparison.OrdinalIgnoreCase) ? DashboardPolicy : Policy;
            // At the last moment: an answer to an exception begins by clearing all headers. What an endpoint has set stays.
            context.Response.OnStarting(static state =>
            {
                var (http, policy) = ((HttpContext, string))state;
                var headers = http.Response.Headers;
                headers.XContentTypeOptions = "nosniff";
                headers.TryAdd("Referrer-Policy", "no-referrer");
                if (headers.ContentSecurityPolicy.Count == 0)
                    headers.ContentSecurityPolicy = policy;
                if (!headers.ContentSecurityPolicy.ToString().StartsWith("sandbox", StringComparison.Ordinal))
                    headers.XFrameOptions = "DENY";
                if (http.Request.IsHttps)
                    headers.StrictTransportSecurity = "max-age=31536000";
                return Task.CompletedTask;
            }, (context, policy));
            return next(context);
        });
    }

    // Hangfire's dashboard brings its own scripts and styles, and sets styles in its markup.
    private const string DashboardPolicy =
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    private sealed class ProxyCheck : IValidateOptions<ProxyOptions>
    {
        public ValidateOptionsResult Validate(string? name, ProxyOptions options) =>
            ProxyOptions.Problem(options.Proxies) is { } problem ? ValidateOptionsResult.Fail(problem) : ValidateOptionsResult.Success;
    }
}
