using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The current state of every replica, and news of it. The name and the members are Aspire's.</summary>
public class ResourceNotificationService
{
    private const int MostUnreadNews = 4096;

    private readonly Lock gate = new();
    private readonly Dictionary<string, ResourceEvent> current = [];
    private readonly List<Channel<ResourceEvent>> watchers = [];

    /// <summary>Changes the snapshot of one replica and tells everyone who watches.</summary>
    /// <param name="resourceId">Of the replica.</param>
    public Task PublishUpdateAsync(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        lock (gate)
        {
            var before = current.TryGetValue(resourceId, out var last)
                ? last.Snapshot
                : new CustomResourceSnapshot { ResourceType = TypeOf(resource), Properties = [] };
            var news = new ResourceEvent(resource, resourceId, stateFactory(before));
            current[resourceId] = news;
            foreach (var watcher in watchers)
                watcher.Writer.TryWrite(news);
        }
        return Task.CompletedTask;
    }

    public bool TryGetCurrentState(string resourceId, [NotNullWhen(true)] out ResourceEvent? resourceEvent)
    {
        lock (gate)
            return current.TryGetValue(resourceId, out resourceEvent);
    }

    /// <summary>The current state of every replica, then every change.</summary>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateBounded<ResourceEvent>(new BoundedChannelOptions(MostUnreadNews) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (gate)
        {
            foreach (var state in current.Values)
                channel.Writer.TryWrite(state);
            watchers.Add(channel);
        }
        try
        {
            await foreach (var news in channel.Reader.ReadAllAsync(cancellationToken))
                yield return news;
        }
        finally
        {
            lock (gate)
                watchers.Remove(channel);
        }
    }

    /// <summary>Waits until a replica of the resource is in this state; Running when none is named.</summary>
    public Task WaitForResourceAsync(string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        WaitForResourceAsync(resourceName, [targetState ?? KnownResourceStates.Running], cancellationToken);

    /// <summary>Waits until a replica of the resource is in one of these states; gives that state.</summary>
    public async Task<string> WaitForResourceAsync(string resourceName, IEnumerable<string> targetStates, CancellationToken cancellationToken = default)
    {
        var wanted = targetStates.ToHashSet(StringComparer.OrdinalIgnoreCase);
        var reached = await WaitForResourceAsync(
            resourceName, news => news.Snapshot.State is { } state && wanted.Contains(state.Text), cancellationToken);
        return reached.Snapshot.State!.Text;
    }

    /// <summary>Waits until this is true of a replica of the resource.</summary>
    public async Task<ResourceEvent> WaitForResourceAsync(
        string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default)
    {
        await foreach (var news in WatchAsync(cancellationToken))
        {
            if (IsOf(news, resourceName) && predicate(news))
                return news;
        }
        throw new OperationCanceledException(cancellationToken);
    }

    /// <summary>Waits until every replica of the resource is healthy and the callbacks of OnResourceReady have run.</summary>
    /// <exception cref="DistributedApplicationException">It could not be started.</exception>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default)
    {
        await foreach (var news in WatchAsync(cancellationToken))
        {
            if (!IsOf(news, resourceName))
                continue;
            if (news.Snapshot.State?.Text == KnownResourceStates.FailedToStart)
                throw new DistributedApplicationException($"{resourceName} could not be started: {news.Snapshot.HealthReports.FirstOrDefault()?.Description}");
            if (ReplicasOf(resourceName).All(IsHealthy))
                return news;
        }
        throw new OperationCanceledException(cancellationToken);
    }

    /// <summary>The current state of each replica, in the order they were made.</summary>
    internal IReadOnlyList<ResourceEvent> Current
    {
        get
        {
            lock (gate)
                return [.. current.Values];
        }
    }

    internal IEnumerable<ResourceEvent> ReplicasOf(string resourceName) => Current.Where(state => IsOf(state, resourceName));

    private static bool IsHealthy(ResourceEvent state) => state.Snapshot is
    {
        State.Text: nameof(KnownResourceStates.Running),
        HealthStatus: HealthStatus.Healthy,
        IsReady: true,
    };

    private static bool IsOf(ResourceEvent state, string resourceName) =>
        string.Equals(state.Resource.Name, resourceName, StringComparison.OrdinalIgnoreCase);

    private static string TypeOf(IResource resource) => resource switch
    {
        ProjectResource => "Project",
        ParameterResource => "Parameter",
        PostgresDatabaseResource => "Database",
        _ => "Server",
    };
}
