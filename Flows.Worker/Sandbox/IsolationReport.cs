using Flows.Worker.Egress;
using Flows.Worker.Sandbox.Groups;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>
/// What <c>Flows.Worker --isolation</c> prints: the modes that a worker with this environment on this machine would have, found out as it would find
/// them out. For operators and for <c>./flows doctor</c>.
/// </summary>
internal static class IsolationReport
{
    /// <returns>The exit code: 0, or 1 when a worker would refuse to start with these settings; then the line "refused" has the reason.</returns>
    public static async Task<int> WriteAsync(TextWriter output)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddEnvironmentVariables();
        builder.AddRuns();
        using var host = builder.Build();
        try
        {
            var execution = host.Services.GetRequiredService<IOptions<ExecutionOptions>>().Value;
            var egress = host.Services.GetRequiredService<EgressBroker>();
            await output.WriteLineAsync($"execution: {execution.EffectiveMode} ({execution.WhyMode})");
            await output.WriteLineAsync($"network: {egress.Mode} ({(await egress.DescribeAsync()).How})");
            await output.WriteLineAsync($"limits: {host.Services.GetRequiredService<ControlGroups>().How}");
            return 0;
        }
        catch (OptionsValidationException error)
        {
            await output.WriteLineAsync($"refused: {error.Message}");
            return 1;
        }
    }
}
