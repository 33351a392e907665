namespace Flows.Engine.Pieces.Schedule;

/// <summary>Starts a flow at certain times. The API keeps the clock; what is described here is what it reads.</summary>
internal sealed class SchedulePiece() : Piece("schedule", "Schedule", "Starts a flow at certain times, or again and again.")
{
    private const string Sample = """
        { "scheduledAt": "2026-03-29T07:30:00.0000000+00:00", "firedAt": "2026-03-29T07:30:00.1200000+00:00", "timeZone": "Europe/Berlin", "missed": 0 }
        """;

    public override IReadOnlyList<PieceTrigger> Triggers =>
    [
        new HostTrigger("cron", "At times of a cron expression", "Starts at every time the expression names, on the clock of the time zone.", "schedule",
            [
                Prop.Text("cron", "Cron expression", required: true, help: "Five fields (minute hour day month weekday) or six with seconds first: 30 7 * * MON-FRI"),
                Prop.Text("timeZone", "Time zone", otherwise: "UTC", help: "An IANA name such as Europe/Berlin"),
                Missed,
                Jitter,
            ], Sample),
        new HostTrigger("interval", "Every so often", "Starts again and again with the same time in between, beginning one interval after publishing.", "schedule",
            [
                Prop.Text("every", "Every", required: true, help: "A time such as 00:05:00; at least one second"),
                Missed,
                Jitter,
            ], Sample),
    ];

    private static Contracts.Definitions.PropDescription Missed => Prop.Select("missed", "Missed times", ["once", "skip", "all"], "once",
        "What to do about times that passed while Flows was down: one run for all of them, none, or one for each (at most 100)");

    private static Contracts.Definitions.PropDescription Jitter => Prop.Duration("jitter", "Spread", "00:00:00",
        "Starts up to this much later, at random, so that many flows do not start in the same second");
}
