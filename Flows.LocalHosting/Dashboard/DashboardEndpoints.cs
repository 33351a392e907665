using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Orchestration;
using Flows.LocalHosting.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.LocalHosting.Dashboard;

/// <summary>What the page asks for.</summary>
internal sealed class DashboardEndpoints(Orchestrator orchestrator, HostingContext context)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);
    private static readonly TimeSpan QuickestNews = TimeSpan.FromMilliseconds(150);

    public void Map(WebApplication app)
    {
        app.MapGet("/api/resources", () => TypedResults.Ok(ResourceView.All(context)));
        app.MapGet("/api/resources/live", (CancellationToken cancel) => TypedResults.ServerSentEvents(ResourcesAsync(cancel)));
        app.MapGet("/api/replicas/{id}/environment", Environment);
        app.MapGet("/api/logs/{resource}/live", (string resource, CancellationToken cancel) => TypedResults.ServerSentEvents(LinesAsync(resource, cancel)));
        app.MapPost("/api/replicas/{id}/{command}", CommandAsync);
    }

    private Results<Ok<IReadOnlyList<EnvironmentView>>, NotFound> Environment(string id) =>
        context.Notifications.TryGetCurrentState(id, out var state)
            ? TypedResults.Ok(EnvironmentView.Of(state.Snapshot, context.Mask))
            : TypedResults.NotFound();

    private async Task<Results<NoContent, NotFound, BadRequest>> CommandAsync(string id, string command)
    {
        if (orchestrator.Find(id) is not { } process)
            return TypedResults.NotFound();
        if (command is not ("start" or "stop" or "restart"))
            return TypedResults.BadRequest();

        if (command is "stop" or "restart")
            await process.StopAsync();
        if (command is "start" or "restart")
            await process.StartAsync();
        return TypedResults.NoContent();
    }

    /// <summary>The whole list at once and after each change; many changes at once make one list.</summary>
    private async IAsyncEnumerable<string> ResourcesAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        var changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var watching = WatchAsync(changed.Writer, cancel);
        await foreach (var _ in changed.Reader.ReadAllAsync(cancel))
        {
            yield return JsonSerializer.Serialize(ResourceView.All(context), Json);
            await Task.Delay(QuickestNews, cancel);
        }
        await watching;
    }

    private async Task WatchAsync(ChannelWriter<bool> changed, CancellationToken cancel)
    {
        try
        {
            await foreach (var _ in context.Notifications.WatchAsync(cancel))
                changed.TryWrite(true);
        }
        catch (OperationCanceledException)
        {
            changed.TryComplete();
        }
    }

    private async IAsyncEnumerable<string> LinesAsync(string resource, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (!context.Notifications.ReplicasOf(resource).Any())
            yield break;
        await foreach (var line in context.Logs.Of(resource).FollowAsync(after: 0, cancel))
            yield return JsonSerializer.Serialize(line, Json);
    }
}

/// <summary>A resource as the page shows it.</summary>
internal sealed record ResourceView(string Name, string Type, IReadOnlyList<UrlView> Urls, IReadOnlyList<ReplicaView> Replicas)
{
    public static IReadOnlyList<ResourceView> All(HostingContext context) =>
    [
        .. context.Notifications.Current.GroupBy(state => state.Resource).Select(replicas => new ResourceView(
            replicas.Key.Name,
            replicas.First().Snapshot.ResourceType,
            [.. replicas.First().Snapshot.Urls.Select(url => new UrlView(url.Name ?? "", url.Url))],
            [.. replicas.Select(ReplicaView.Of)])),
    ];
}

internal sealed record UrlView(string Name, string Url);

internal sealed record ReplicaView(
    string Id, string State, string? Health, string? Problem, int? Pid, int Restarts, int? ExitCode, DateTime? StartedAt)
{
    public static ReplicaView Of(ResourceEvent state)
    {
        var snapshot = state.Snapshot;
        return new(
            state.ResourceId,
            snapshot.State?.Text ?? KnownResourceStates.NotStarted,
            snapshot.HealthStatus?.ToString(),
            snapshot.HealthReports.FirstOrDefault()?.Description,
            Property("executable.pid") as int?,
            Property("flows.restarts") as int? ?? 0,
            snapshot.ExitCode,
            snapshot.StartTimeStamp);

        object? Property(string name) => snapshot.Properties.FirstOrDefault(property => property.Name == name)?.Value;
    }
}

internal sealed record EnvironmentView(string Name, string Value)
{
    private static readonly string[] TellingNames = ["PASSWORD", "SECRET", "TOKEN", "APIKEY", "ENCRYPTIONKEY", "CONNECTIONSTRINGS", "CREDENTIAL"];

    /// <summary>
    /// What the diagram gives the process, and not what it inherits from the developer's own shell. Masked twice: what is
    /// known to be secret, and what is named like something secret.
    /// </summary>
    public static IReadOnlyList<EnvironmentView> Of(CustomResourceSnapshot snapshot, SecretMask mask) =>
        [.. snapshot.EnvironmentVariables.Where(variable => variable.IsFromSpec).Select(variable => new EnvironmentView(variable.Name, Show(variable.Name, variable.Value ?? "", mask)))];

    private static string Show(string name, string value, SecretMask mask) =>
        value.Length > 0 && TellingNames.Any(part => name.Replace("_", "", StringComparison.Ordinal).Contains(part, StringComparison.OrdinalIgnoreCase))
            ? SecretMask.Dots
            : mask.Apply(value);
}
