using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace Flows.Bench.Hosted;

/// <param name="Restarts">Processes that were told to stop and came back.</param>
/// <param name="Answered">Calls that got the flow's own answer.</param>
/// <param name="ToldWhereToLook">Calls that were answered with 202 and the address of their run.</param>
internal sealed record RollingOutcome(int Restarts, int Calls, int Answered, int ToldWhereToLook, double LongestSeconds, IReadOnlyList<string> Violations);

/// <summary>
/// <c>./flows bench rolling [rounds]</c>: two replicas of the API behind one address and two workers are restarted one after the other (SIGTERM) while callers wait
/// for answers of the synchronous webhook. Every call must be answered, every run must end, and none may do its effect twice or not at all.
/// </summary>
internal static class RollingBench
{
    private const int Callers = 8;
    /// <summary>Seconds after which a call is told of by itself: nothing here has to wait for a lease or a sweeper.</summary>
    private const double Slow = 5;

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        await using var platform = await StartPlatformAsync();
        var outcome = await RunAsync(platform, arguments.Number(0, "rounds", otherwise: 5, least: 1, most: 1_000));
        var report = string.Create(CultureInfo.InvariantCulture, $"""
            | restarts | calls | answered by the flow | 202 with the place to look | longest s | violations |
            | --- | --- | --- | --- | --- | --- |
            | {outcome.Restarts} | {outcome.Calls} | {outcome.Answered} | {outcome.ToldWhereToLook} | {outcome.LongestSeconds:F2} | {outcome.Violations.Count} |

            {Callers} callers on kept connections; API and worker in turn, the next one when the last is back.
            {string.Join('\n', outcome.Violations.Take(100).Select(violation => $"- {violation}"))}
            """);
        Console.WriteLine(report);
        Results.Keep(arguments, "rolling", report);
        return outcome.Violations.Count == 0 ? 0 : 1;
    }

    /// <param name="settings">On top of: two replicas each, and a notice that is longer than the address before them takes to look at their health.</param>
    public static Task<LocalPlatform> StartPlatformAsync(params string[] settings) =>
        LocalPlatform.StartAsync(workers: 2, ["--Flows:Api:Replicas=2", "--Flows:Drain:Notice=00:00:02", "--Flows:LocalHosting:ProbeEvery=00:00:00.300", .. settings]);

    /// <param name="rounds">In each of them every process is restarted once.</param>
    public static async Task<RollingOutcome> RunAsync(LocalPlatform platform, int rounds)
    {
        await using var ledger = await Ledger.StartAsync(TimeProvider.System);
        var flow = await platform.Target.PublishAsync("rolling", $$$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [
                { "name": "pay", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{ledger.Address}}}/write", "body": { "value": "{{trigger.body.n}}" } } },
                { "name": "think", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => new Promise(done => setTimeout(() => done(1), 300));" },
                { "name": "answer", "kind": "respond", "body": { "n": "{{trigger.body.n}}", "ticket": "{{pay.body.ticket}}" } } ] }
            """);
        using var enough = new CancellationTokenSource();
        var calls = new ConcurrentQueue<Call>();
        var callers = Enumerable.Range(0, Callers).Select(caller => CallAsync(platform, flow, caller, calls, enough.Token)).ToArray();
        var restarts = 0;
        try
        {
            for (var round = 0; round < rounds; round++)
            {
                foreach (var (api, worker) in platform.PidsOf("api").Zip(platform.PidsOf("worker")))
                {
                    await Task.WhenAll(RestartAsync(platform, "api", api), RestartAsync(platform, "worker", worker));
                    restarts += 2;
                }
            }
        }
        finally
        {
            await enough.CancelAsync();
            await Task.WhenAll(callers);
        }
        await FailoverBench.UntilAsync("everything is over", () => FailoverBench.CountAsync(platform, $"SELECT count(*) FROM runs WHERE flow_id = '{flow}' AND status < 4"), count => count == 0);
        var done = ledger.Entries.CountBy(entry => entry.Run).ToDictionary();
        List<string> violations = [.. calls.Where(call => call.Problem is not null).Select(call => call.Problem!)];
        violations.AddRange(calls.Where(call => call.Run is { } run && done.GetValueOrDefault(run) != 1)
            .Select(call => $"the run {call.Run} of call {call.Number} has done its effect {done.GetValueOrDefault(call.Run!.Value)} times"));
        var told = calls.Where(call => call.Run is not null).Select(call => call.Run!.Value).ToHashSet();
        violations.AddRange(done.Keys.Where(run => !told.Contains(run)).Select(run => $"the run {run} is one that no caller was told of"));
        var ended = await FailoverBench.CountAsync(platform, $"SELECT count(*) FROM runs WHERE flow_id = '{flow}' AND status = 4");
        if (ended != calls.Count)
            violations.Add($"{ended} runs have succeeded and {calls.Count} calls were made");
        foreach (var slow in calls.Where(call => call is { Seconds: > Slow, Run: not null }))
            Console.WriteLine($"call {slow.Number} took {slow.Seconds:F1} s: {await FateAsync(platform, slow.Run!.Value)}");
        return new RollingOutcome(restarts, calls.Count, calls.Count(call => call.IsAnswered), calls.Count(call => call is { IsAnswered: false, Problem: null }),
            calls.Max(call => call.Seconds), violations);
    }

    private static async Task RestartAsync(LocalPlatform platform, string resource, int pid)
    {
        if (!Signal.Send(pid, Signal.Terminate))
            throw new BenchException($"the process {pid} of '{resource}' had ended by itself.");
        await platform.UntilReplacedAsync(resource, pid);
    }

    private static async Task<string> FateAsync(LocalPlatform platform, Guid run)
    {
        await using var command = platform.Database.CreateCommand($"""
            SELECT format('run %s accepted at %s, first claimed at %s, last claimed at %s as attempt %s, over at %s', id, created_at::time, started_at::time, claimed_at::time, attempt, finished_at::time)
            FROM runs WHERE id = '{run}'
            """);
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private sealed record Call(int Number, Guid? Run, bool IsAnswered, double Seconds, string? Problem);

    // A program that calls a webhook: it keeps its connection, and tries again only when nobody took the connection at all.
    private static async Task CallAsync(LocalPlatform platform, Guid flow, int caller, ConcurrentQueue<Call> calls, CancellationToken enough)
    {
        using var http = platform.Client(TimeSpan.FromSeconds(60));
        for (var number = caller; !enough.IsCancellationRequested; number += Callers)
        {
            var since = TimeProvider.System.GetTimestamp();
            calls.Enqueue(await OnceAsync(http, flow, number) with { Seconds = TimeProvider.System.GetElapsedTime(since).TotalSeconds });
        }
    }

    private static async Task<Call> OnceAsync(HttpClient http, Guid flow, int number)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                using var answer = await http.PostAsJsonAsync($"/webhooks/{flow}/sync", new { n = number }, CancellationToken.None);
                var body = await answer.Content.ReadAsStringAsync(CancellationToken.None);
                var run = answer.Headers.TryGetValues("Flows-Run-Id", out var ids) && Guid.TryParse(ids.Single(), out var id) ? id : (Guid?)null;
                return answer.StatusCode switch
                {
                    HttpStatusCode.OK when JsonElement.Parse(body).GetProperty("n").GetInt32() == number => new Call(number, run, true, 0, null),
                    HttpStatusCode.Accepted when run is not null && answer.Headers.Location is not null => new Call(number, run, false, 0, null),
                    _ => new Call(number, run, false, 0, $"call {number} was answered with {(int)answer.StatusCode}: {body}"),
                };
            }
            catch (HttpRequestException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused } && tries < 20)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
            }
            catch (Exception error) when (error is HttpRequestException or IOException or TaskCanceledException)
            {
                return new Call(number, null, false, 0, $"call {number} got no answer: {error.Message} {error.InnerException?.Message}");
            }
        }
    }
}
