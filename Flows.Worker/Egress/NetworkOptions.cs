using System.ComponentModel.DataAnnotations;
using Flows.Contracts.Network;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Egress;

/// <summary>What flows, and the API on their behalf, may reach. The process refuses to start on a bad value. docs/security.md explains the rules.</summary>
public sealed class NetworkOptions
{
    public const string Section = "Flows:Execution";

    /// <summary><c>STRICT</c>: public addresses only. <c>UNRESTRICTED</c>: everything that is not denied.</summary>
    public string Network { get; set; } = NetworkPolicy.Strict;

    /// <summary>Hosts and ranges that STRICT lets through, separated by commas: <c>db.internal:5432, *.corp.example, 10.1.0.0/16</c>.</summary>
    public string Allow { get; set; } = "";

    /// <summary>Hosts and ranges that are refused in every mode, and before any Allow.</summary>
    public string Deny { get; set; } = "";

    /// <summary>Ports and ranges of ports, e.g. <c>80,443,8000-8099</c>. Empty is every port. An Allow entry with a port opens it as well.</summary>
    public string Ports { get; set; } = "";

    /// <summary>Connections that one engine may have open at a time.</summary>
    [Range(1, 10_000)]
    public int Connections { get; set; } = 500;

    /// <summary>MiB that may go over one connection, both directions together.</summary>
    [Range(1, 1_048_576)]
    public int ConnectionMiB { get; set; } = 1024;

    /// <summary>Time without a byte after which the broker closes a connection. It is longer than a slow service thinks.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan ConnectionIdle { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>The part that goes to engines.</summary>
    public NetworkSettings ToSettings() => new(Network, Allow, Deny, Ports, Connections, ConnectionMiB);
}

public static class NetworkRegistration
{
    /// <summary>The network policy of this process; twice is as good as once.</summary>
    public static void AddNetworkOptions(this IServiceCollection services)
    {
        services.AddOptions<NetworkOptions>().BindConfiguration(NetworkOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<NetworkOptions>, NetworkOptionsCheck>());
    }
}

/// <summary>Names the entry that cannot be read.</summary>
internal sealed class NetworkOptionsCheck : IValidateOptions<NetworkOptions>
{
    public ValidateOptionsResult Validate(string? name, NetworkOptions options)
    {
        try
        {
            _ = new NetworkPolicy(options.ToSettings());
            return ValidateOptionsResult.Success;
        }
        catch (NetworkSettingException error)
        {
            return ValidateOptionsResult.Fail(error.Message);
        }
    }
}
