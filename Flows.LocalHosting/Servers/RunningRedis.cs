using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Orchestration;
using Flows.LocalHosting.Processes;
using Flows.LocalHosting.Storage;
using Microsoft.Extensions.Configuration;

namespace Flows.LocalHosting.Servers;

/// <summary>A private Redis (or Valkey) server of this application, or one given from outside, which only has to answer.</summary>
internal sealed class RunningRedis(RedisResource redis, HostingContext context) : RunningResource(redis, context)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);
    private bool isGiven;

    public override void Prepare()
    {
        if (Context.Configuration.GetConnectionString(redis.Name) is { } given)
        {
            isGiven = true;
            redis.ConnectionString = given;
            Context.Mask.Add(RedisAddress.Parse(given).Password ?? "");
            Log.External(Context.Logger, redis.Name);
            PublishAll(snapshot => snapshot with { State = KnownResourceStates.NotStarted });
            return;
        }

        var program = new ServerPrograms(Context.Configuration).Redis ?? throw new DistributedApplicationException(
            $"'{redis.Name}' needs Redis or Valkey, and this machine has none (no 'redis-server' or 'valkey-server' on PATH). " +
            "Install it (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis), " +
            $"or give a server as the environment variable ConnectionStrings__{redis.Name}=host:port,password=….");
        var endpoint = redis.Annotations.OfType<EndpointAnnotation>().Single();
        var port = Context.RandomizePorts || endpoint.Port is null ? Ports.Free() : endpoint.Port.Value;
        if (!Ports.IsFree(port))
            throw new DistributedApplicationException($"Port {port}, on which '{redis.Name}' listens, is already in use by another program.");

        var password = redis.Annotations.OfType<ServerCredentials>().Single().Password.GetValueAsync().AsTask().GetAwaiter().GetResult() ?? "";
        Context.Mask.Add(password);
        endpoint.AllocatedEndpoint = new("tcp", "localhost", port);
        redis.ConnectionString = $"localhost:{port},password={password}";
        AddProcess(NewReplicaId(), _ => Task.FromResult(Server(program, port, password)), AskAsync);
        PublishAll(snapshot => snapshot with { Urls = [new("tcp", $"tcp://localhost:{port}", IsInternal: true)] });
    }

    protected override async Task StartAsync(CancellationToken cancel)
    {
        if (isGiven)
        {
            await WaitUntilItAnswersAsync(cancel);
            PublishRunning();
        }
        await base.StartAsync(cancel);
    }

    /// <summary>The password is in a file of our own: everybody may read a command line.</summary>
    private ProcessStart Server(string program, int port, string password)
    {
        var folder = DataDirectory.CreatePrivateFolder(Context.Data.Under(redis.Name));
        var durable = redis.Annotations.Any(annotation => annotation is RedisPersistenceAnnotation or DataVolumeAnnotation);
        var settings = Path.Combine(folder, "redis.conf");
        PrivateFile.Write(settings, $"""
            port {port}
            bind 127.0.0.1
            protected-mode yes
            requirepass "{password}"
            dir "{folder}"
            appendonly {(durable ? "yes" : "no")}
            appendfsync everysec
            save ""
            maxmemory-policy noeviction
            daemonize no
            """);
        return new(program, [settings], Context.InheritedEnvironment(), folder);
    }

    private Task<string?> AskAsync(CancellationToken cancel) => RedisPing.AskAsync(RedisAddress.Parse(redis.Known), cancel);

    private async Task WaitUntilItAnswersAsync(CancellationToken cancel)
    {
        var from = Context.Clock.GetTimestamp();
        while (await AskAsync(cancel) is { } problem)
        {
            if (Context.Clock.GetElapsedTime(from) > LongestWait)
                throw new DistributedApplicationException($"the server of ConnectionStrings:{redis.Name} does not answer: {problem}");
            await Task.Delay(TimeSpan.FromMilliseconds(200), cancel);
        }
    }
}
