using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Flows.LocalHosting.Orchestration;
using Flows.LocalHosting.Processes;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.LocalHosting;

public sealed class SupervisingAProcess : IAsyncLifetime
{
    private readonly IDistributedApplicationTestingBuilder builder = DistributedApplicationTestingBuilder.Create(RunningAppHost.Ephemeral);
    private readonly ContainerResource resource = new("script");
    private DistributedApplication app = null!;
    private HostingContext context = null!;

    public async Task InitializeAsync()
    {
        app = await builder.BuildAsync();
        await app.StartAsync();
        context = app.Services.GetRequiredService<HostingContext>();
    }

    public async Task DisposeAsync() => await builder.DisposeAsync();

    [Fact]
    public async Task What_crashes_is_started_again_and_its_children_do_not_live_on()
    {
        using var process = Supervise("sleep 300 & echo $! >&2; sleep 0.2; exit 3");
        await process.StartAsync();
        await News(snapshot => snapshot is { State.Text: "Exited", ExitCode: 3 });
        var again = await News(snapshot => snapshot.State?.Text == "Running" && Restarts(snapshot) == 1);

        var grandchild = int.Parse(context.Logs.Of("script").Last(10)[0].Text, null);
        Assert.Null(Leftovers.BirthOf(grandchild));
        Assert.NotNull(again.Snapshot.StartTimeStamp);
        await process.StopAsync();
        await News(snapshot => snapshot.State?.Text == "Finished");
    }

    [Fact]
    public async Task A_stopped_process_ends_with_its_children_and_can_be_started_again()
    {
        using var process = Supervise("sleep 300 & echo $!; wait");
        await process.StartAsync();
        await process.FirstHealthy.WaitAsync(RunningAppHost.Patience);
        await foreach (var _ in context.Logs.Of("script").FollowAsync(0, CancellationToken.None))
            break;
        var pid = RunningAppHost.PidOf(await News(snapshot => snapshot.State?.Text == "Running"))!.Value;

        await process.StopAsync();
        Assert.Null(Leftovers.BirthOf(pid));
        Assert.Null(Leftovers.BirthOf(int.Parse(context.Logs.Of("script").Last(10)[0].Text, null)));
        Assert.Null(RunningAppHost.PidOf(await News(snapshot => snapshot.State?.Text == "Finished")));

        await process.StartAsync();
        await News(snapshot => snapshot.State?.Text == "Running" && RunningAppHostPid(snapshot) is { } now && now != pid);
        await process.StopAsync();
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_not_tried_for_ever()
    {
        using var process = new SupervisedProcess("script-1", resource, context, _ => Task.FromResult(Start("/nonexistent/program")), _ => Task.FromResult<string?>(null));
        await process.StartAsync();

        // setsid starts and then cannot find it: code 127, an ordinary crash; without setsid it cannot be started at all.
        var state = await News(snapshot => snapshot.State?.Text is "Exited" or "FailedToStart");

        Assert.Contains("/nonexistent/program", string.Join('\n', context.Logs.Of("script").Last(5).Select(line => line.Text)) + state.Snapshot.HealthReports.FirstOrDefault()?.Description, StringComparison.Ordinal);
        await process.StopAsync();
    }

    [Fact]
    public async Task A_secret_in_the_output_is_masked_in_memory_and_on_disk()
    {
        context.Mask.Add("correct-horse-battery");
        using var process = Supervise("echo the key is correct-horse-battery; sleep 300");
        await process.StartAsync();
        await foreach (var line in context.Logs.Of("script").FollowAsync(0, CancellationToken.None))
        {
            Assert.Equal("the key is ••••••••", line.Text);
            break;
        }
        await process.StopAsync();
        Assert.DoesNotContain("correct-horse", await File.ReadAllTextAsync(context.Data.Under("logs", "script.log")), StringComparison.Ordinal);
    }

    private SupervisedProcess Supervise(string script) =>
        new("script-1", resource, context, _ => Task.FromResult(Start("/bin/sh", "-c", script)), _ => Task.FromResult<string?>(null));

    private ProcessStart Start(string file, params string[] arguments) => new(file, arguments, context.InheritedEnvironment(), "/");

    private Task<ResourceEvent> News(Func<CustomResourceSnapshot, bool> wanted) =>
        app.ResourceNotifications.WaitForResourceAsync("script", news => wanted(news.Snapshot)).WaitAsync(RunningAppHost.Patience);

    private static int? Restarts(CustomResourceSnapshot snapshot) =>
        snapshot.Properties.FirstOrDefault(property => property.Name == "flows.restarts")?.Value as int?;

    private static int? RunningAppHostPid(CustomResourceSnapshot snapshot) =>
        snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value as int?;
}
