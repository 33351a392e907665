using Aspire.Hosting;
using Flows.LocalHosting.Orchestration;
using Microsoft.Extensions.Configuration;

namespace Flows.LocalHosting.Dashboard;

/// <summary>Where the dashboard is served: the AppHost's own address. Always loopback, whatever that address says.</summary>
/// <param name="Port">Null when there is none.</param>
internal sealed record DashboardAddress(int? Port)
{
    private const string Setting = "ASPNETCORE_URLS";

    public string Url => $"http://localhost:{Port}";

    /// <summary>Written back as configuration, because that is where the AppHost reads it in both stacks.</summary>
    public static DashboardAddress Choose(DistributedApplicationOptions options, ConfigurationManager configuration, LaunchProfile? profile, bool ephemeral)
    {
        if (options.DisableDashboard)
        {
            configuration[Setting] = "";
            return new(Port: null);
        }
        var given = configuration[Setting]?.Split(';')[0] is { Length: > 0 } url ? UriOf(url) : profile?.Urls.Count > 0 ? profile.Urls[0] : null;
        var address = new DashboardAddress(ephemeral || given is null || given.Port == 0 ? Ports.Free() : given.Port);
        configuration[Setting] = address.Url;
        return address;
    }

    /// <exception cref="DistributedApplicationException">Another program has the port.</exception>
    public void CheckFree()
    {
        if (Port is { } port && !Ports.IsFree(port))
        {
            throw new DistributedApplicationException(
                $"Port {port}, on which the dashboard is served, is already in use by another program. " +
                "Stop that program, or give the AppHost another address in ASPNETCORE_URLS.");
        }
    }

    // "http://*:15000" and "http://+:15000" are addresses of servers, and no URIs.
    private static Uri UriOf(string url) =>
        Uri.TryCreate(url.Replace("*", "localhost", StringComparison.Ordinal).Replace("+", "localhost", StringComparison.Ordinal), UriKind.Absolute, out var uri)
            ? uri
            : throw new DistributedApplicationException($"{Setting} is not an address: {url}");
}
