using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Flows.AppHost;

/// <summary>
/// Tells scripts where the running Flows is: `state.json` in the data folder appears when the workers are ready, which wait for
/// everything else, and goes with the AppHost.
/// </summary>
internal static class StateFile
{
    public static void WriteWhenReady(IResourceBuilder<ProjectResource> api, IResourceBuilder<ProjectResource> worker)
    {
        var builder = api.ApplicationBuilder;
        if (!builder.ExecutionContext.IsRunMode)
            return;

        var folder = DataFolder.Of(builder);
        var file = Path.Combine(folder, "state.json");
        // One that a killed AppHost could not remove would send scripts to a place where nobody is.
        File.Delete(file);
        worker.OnResourceReady(async (_, ready, _) =>
        {
            var url = api.GetEndpoint("http").Url;
            var dashboard = builder.Configuration["ASPNETCORE_URLS"]?.Split(';')[0];
            Write(file, new State(Environment.ProcessId, url, string.IsNullOrEmpty(dashboard) ? null : dashboard));
            ready.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() => File.Delete(file));

            Console.WriteLine($"Flows is up: {url}");
            Console.WriteLine($"  API key    {Path.Combine(folder, "api-key")}");
            if (!string.IsNullOrEmpty(dashboard))
                Console.WriteLine($"  Dashboard  {dashboard}");
            if (await SetupToken.LinkAsync(url, folder) is { } link)
                Console.WriteLine($"  Set up     {link}");
        });
    }

    /// <summary>Written beside and renamed: a reader sees all of it or nothing.</summary>
    private static void Write(string file, State state)
    {
        var beside = $"{file}.new";
        File.WriteAllText(beside, JsonSerializer.Serialize(state, JsonSerializerOptions.Web));
        File.Move(beside, file, overwrite: true);
    }

    private sealed record State(int Pid, string Api, string? Dashboard);
}
