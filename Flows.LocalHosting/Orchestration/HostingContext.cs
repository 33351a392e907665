using System.Collections;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Processes;
using Flows.LocalHosting.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Flows.LocalHosting.Orchestration;

/// <summary>What everything that runs in one application shares.</summary>
internal sealed class HostingContext(
    DataDirectory data,
    SecretMask mask,
    ResourceLogs logs,
    Reaper reaper,
    ResourceNotificationService notifications,
    DistributedApplicationExecutionContext execution,
    IConfiguration configuration,
    IServiceProvider services,
    ILoggerFactory loggers,
    TimeProvider clock)
{
    // Settings of the AppHost itself. Its secrets and connection strings go only to the resources that reference them.
    private static readonly string[] NotInherited =
        ["ASPNETCORE_", "ASPIRE_", "DOTNET_LAUNCH_PROFILE", "DOTNET_ENVIRONMENT", "Parameters__", "ConnectionStrings__", "FLOWS_APPHOST_", "Flows__DataDirectory", "Flows__Ephemeral"];

    public DataDirectory Data => data;
    public SecretMask Mask => mask;
    public ResourceLogs Logs => logs;
    public Reaper Reaper => reaper;
    public ResourceNotificationService Notifications => notifications;
    public DistributedApplicationExecutionContext Execution => execution;
    public IConfiguration Configuration => configuration;
    public IServiceProvider Services => services;
    public TimeProvider Clock => clock;
    public ILogger Logger { get; } = loggers.CreateLogger("Aspire.Hosting.DistributedApplication");

    /// <summary>Tests run side by side with each other and with an application in use: there, no port is fixed.</summary>
    public bool RandomizePorts { get; } = data.IsEphemeral || configuration.GetValue("DcpPublisher:RandomizePorts", false);

    /// <summary>The environment every child starts from.</summary>
    public Dictionary<string, string> InheritedEnvironment()
    {
        var inherited = new Dictionary<string, string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (!NotInherited.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
                inherited[name] = (string?)variable.Value ?? "";
        }
        inherited[Reaper.Mark] = data.Id;
        return inherited;
    }
}
