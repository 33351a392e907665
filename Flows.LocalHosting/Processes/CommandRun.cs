using Aspire.Hosting;
using Flows.LocalHosting.Orchestration;

namespace Flows.LocalHosting.Processes;

/// <summary>Programs that are run to their end.</summary>
internal static class CommandRun
{
    /// <summary>Runs a program with its output in the log of a resource; gives its exit code.</summary>
    /// <exception cref="DistributedApplicationException">It cannot be started, or takes longer than the limit.</exception>
    public static async Task<int> ToEndAsync(ProcessStart start, string resource, HostingContext context, TimeSpan limit, CancellationToken cancel)
    {
        var log = context.Logs.Of(resource);
        var name = Path.GetFileName(start.File);
        using var child = ChildProcess.Start(start, (line, isError) => log.Write(name, line, isError));
        context.Reaper.Watch(child);
        try
        {
            return await child.Exited.WaitAsync(limit, cancel);
        }
        catch (TimeoutException error)
        {
            throw new DistributedApplicationException($"{name} did not end within {limit.TotalSeconds:0} s.", error);
        }
        finally
        {
            await child.StopAsync(TimeSpan.Zero);
            context.Reaper.Forget(child.Pid);
        }
    }

    /// <summary>The first line a short command writes. Null when it fails.</summary>
    public static string? FirstLine(ProcessStart start)
    {
        var line = new TaskCompletionSource<string>();
        using var child = ChildProcess.Start(start, (text, _) => line.TrySetResult(text));
        return line.Task.Wait(TimeSpan.FromSeconds(5)) ? line.Task.Result : null;
    }
}
