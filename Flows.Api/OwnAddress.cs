using System.Net;
using System.Net.Sockets;
using Flows.ServiceDefaults;

namespace Flows.Api;

/// <summary>Where this process listens, as seen from itself. The worker in the same process calls it there.</summary>
internal static class OwnAddress
{
    public const string Key = "Flows:Api:Url";

    /// <summary>
    /// Sets <see cref="Key"/> to an address on this machine, unless the operator has set it. It has to be known before Kestrel listens,
    /// so a port that was left open (0) is chosen here.
    /// </summary>
    /// <exception cref="StartRefusedException">No address among the settings can be called by plain HTTP or HTTPS.</exception>
    public static void SetOwnAddress(this WebApplicationBuilder builder)
    {
        var configuration = builder.Configuration;
        if (!string.IsNullOrEmpty(configuration[Key]))
            return;
        var urls = Urls(configuration);
        var chosen = Array.FindIndex(urls, url => url.StartsWith("http://", StringComparison.OrdinalIgnoreCase));
        if (chosen < 0)
            chosen = Array.FindIndex(urls, url => url.StartsWith("https://", StringComparison.OrdinalIgnoreCase));
        if (chosen < 0)
            throw new StartRefusedException($"The worker in this process does not know how to call the API. Set {StartFailure.InEnvironment(Key)}, e.g. to http://127.0.0.1:8080.");

        var address = BindingAddress.Parse(urls[chosen]);
        var host = IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && !ip.Equals(IPAddress.Any) && !ip.Equals(IPAddress.IPv6Any)
            ? address.Host
            : address.Host is "localhost" ? "localhost" : "127.0.0.1";
        var port = address.Port;
        if (port == 0)
        {
            port = FreePort();
            urls[chosen] = $"{address.Scheme}://{address.Host}:{port}";
            builder.WebHost.UseUrls(urls);
        }
        configuration[Key] = $"{address.Scheme}://{host}:{port}";
    }

    /// <summary>In Kestrel's own order: endpoints by name, then urls, then ports.</summary>
    private static string[] Urls(ConfigurationManager configuration)
    {
        var endpoints = configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(endpoint => endpoint["Url"]).OfType<string>().ToArray();
        if (endpoints.Length > 0)
            return endpoints;
        if (configuration["urls"] is { Length: > 0 } urls)
            return urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var http = Ports(configuration["http_ports"], "http");
        var https = Ports(configuration["https_ports"], "https");
        string[] ports = [.. http, .. https];
        return ports.Length > 0 ? ports : ["http://localhost:5000"];
    }

    private static IEnumerable<string> Ports(string? ports, string scheme) =>
        (ports ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(port => $"{scheme}://*:{port}");

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
