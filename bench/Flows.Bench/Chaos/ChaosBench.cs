using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Flows.Bench.Chaos;

/// <summary><c>./flows bench chaos [runs] [kills] [seed]</c>: the campaign with the product's default leases. Ends with 1 when something was violated. Ctrl-C ends the kills.</summary>
internal static class ChaosBench
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var plan = new CampaignPlan(
            arguments.Number(0, "runs", otherwise: 1_000, least: 1, most: 100_000),
            arguments.Number(1, "kills", otherwise: 100, least: 1, most: 10_000),
            arguments.Number(2, "seed", otherwise: Environment.TickCount & 0xffff, least: 0, most: int.MaxValue),
            Lease: TimeSpan.FromSeconds(8),
            Settle: TimeSpan.FromMinutes(3));
        Console.WriteLine($"{plan.Runs} runs and {plan.Kills} kills with seed {plan.Seed}");
        using var enough = new CancellationTokenSource();
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
        {
            signal.Cancel = true; // what was done so far is judged
            enough.Cancel();
        });
        var outcome = await new Campaign(plan, TimeProvider.System, Console.WriteLine).RunAsync(enough.Token, CancellationToken.None);
        var report = Report(plan, outcome);
        Console.WriteLine(report);
        Results.Keep(arguments, "chaos", report, JsonSerializer.Serialize(new { plan, outcome }, s_json));
        return outcome.Violations.Count == 0 ? 0 : 1;
    }

    public static string Report(CampaignPlan plan, CampaignOutcome outcome)
    {
        var text = new StringBuilder();
        void Row(string name, object value) => text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {value} |");
        Row("", "");
        Row("---", "---");
        Row("seed", plan.Seed);
        Row("runs accepted", outcome.Started);
        Row("calls without an answer, made again", outcome.WithoutAnswer);
        Row("runs in Postgres", outcome.RunsInPostgres);
        Row("kills", $"{outcome.Kills.Values.Sum()}: {string.Join(", ", outcome.Kills.Select(kill => $"{kill.Key} {kill.Value}"))}");
        Row("how the runs ended", string.Join(", ", outcome.Statuses.OrderBy(status => status.Key).Select(status => $"{status.Key} {status.Value}")));
        Row("runs taken up more than once", $"{outcome.TakenUpAgain}, one of them {outcome.MostAttempts} times");
        Row("entries in the ledger", outcome.LedgerEntries);
        Row("uncertain effects a person decided", $"{outcome.Happened + outcome.Repeated}: happened {outcome.Happened}, repeat {outcome.Repeated}");
        Row("left waiting for a decision until the end", outcome.LeftWaiting);
        Row("finished lines watched", outcome.FinishedLinesWatched);
        Row("took", $"{outcome.Took.TotalSeconds:F0} s, and {outcome.Settled.TotalSeconds:F0} s after the last kill until nothing was under way");
        Row("violations", outcome.Violations.Count);
        foreach (var violation in outcome.Violations.Take(100))
            text.AppendLine(CultureInfo.InvariantCulture, $"- {violation}");
        return text.ToString();
    }
}
