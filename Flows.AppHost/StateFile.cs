using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Flows.AppHost;

/// <summary>
/// Tells scripts where the running Flows is: `state.json` in the data folder appears when the workers are ready, which wait for
/// everything else, and goes with the AppHost. `setup-link` beside it leads to becoming the first owner, as long as nobody is.
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
        var setup = Path.Combine(folder, "setup-link");
        File.Delete(file);
        File.Delete(setup);
        worker.OnResourceReady(async (_, ready, _) =>
        {
            var url = api.GetEndpoint("http").Url;
            var dashboard = builder.Configuration["ASPNETCORE_URLS"]?.Split(';')[0];
            // Before the state: who sees that must not miss the link.
            var link = await SetupToken.LinkAsync(url, builder, folder);
            if (link is not null)
                SecretFile.Write(setup, link);
            Write(file, new State(Environment.ProcessId, url, string.IsNullOrEmpty(dashboard) ? null : dashboard));
            ready.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() =>
            {
                File.Delete(file);
                File.Delete(setup);
            });

            Console.WriteLine($"Flows is up: {url}");
            Console.WriteLine($"  API key    {Path.Combine(folder, "api-key")}");
            if (!string.IsNullOrEmpty(dashboard))
                Console.WriteLine($"  Dashboard  {dashboard}");
            if (link is not null)
                Console.WriteLine($"  Set up     {(Console.IsOutputRedirected ? $"the link in {setup}" : link)}"); // a log is no place for it
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
