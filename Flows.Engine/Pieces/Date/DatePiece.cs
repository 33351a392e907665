using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Expressions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Date;

/// <summary>
/// Works on dates. A date goes in as ISO 8601 text or as milliseconds since 1970, and comes out as ISO 8601 text with its offset.
/// </summary>
internal sealed partial class DatePiece() : Piece("date", "Date and time", "Reads, writes, moves and compares dates.")
{
    private const string FormatHelp = "Such as YYYY-MM-DD HH:mm; the letters are those of formatDate in the expression language.";
    private const string ZoneHelp = "Such as Europe/Berlin, UTC or +02:00. With one, days and months are those of its clocks.";
    private static readonly string[] s_units = ["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"];

    public override IReadOnlyList<PieceAction> Actions =>
        [new Add(), new Difference(), new Format(), new Now(), new ParseText(), new StartOf(), new ToZone()];

    internal sealed record AddInput(Value Date, Value Amount, string Unit, string? Zone);
    internal sealed record DifferenceInput(Value From, Value To, string Unit);
    internal sealed record FormatInput(Value Date, string Format, string? Zone);
    internal sealed record NowInput(string? Format, string? Zone);
    internal sealed record ParseInput(string Text, string? Format, string? Zone);
    internal sealed record StartOfInput(Value Date, string Unit, string Edge, string? Zone);
    internal sealed record ToZoneInput(Value Date, string Zone);

    private static PropDescription Zone(bool required = false) => Prop.Text("zone", "Time zone", required, help: ZoneHelp);

    private static Value CheckedDate(string field, Value date) =>
        (date.TryGetText(out var text) ? Moments.TryParse(text, TimeZoneInfo.Utc, out _) : Moments.OfMilliseconds(date) is not null)
            ? date
            : throw PieceException.Input($"'{field}' must be a date such as 2026-03-01T10:00:00Z; found {ValueText.Of(date)}.");

    private static Value CheckedZone(string? zone) => zone is null || Zones.Find(zone) is not null
        ? Value.Of(zone)
        : throw PieceException.Input($"'zone': there is no time zone '{Shown.Cut(zone)}'.{NearestName.Question(zone, Zones.Names)}");

    private sealed class Add() : PieceAction<AddInput, Value>(
        "add", "Add to a date", "A later date, or with an amount below 0 an earlier one.", StepEffect.Pure, DateJson.Default)
    {
        private static readonly Formula s_add = new("dateAdd(date, amount, unit, zone)");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Moment("date", "Date", required: true),
            Prop.Number("amount", "Amount", required: true, help: "Whole for days and longer units."),
            Prop.Select("unit", "Unit", s_units, "day"),
            Zone(),
        ];

        protected override Task<Value> RunAsync(AddInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(s_add.Of(context, "amount", ("date", CheckedDate("date", input.Date)), ("amount", input.Amount), ("unit", Value.Of(input.Unit)), ("zone", CheckedZone(input.Zone))));
    }

    private sealed class Difference() : PieceAction<DifferenceInput, Value>(
        "difference", "Time between dates", "How many whole units lie between two dates; below 0 when the second is earlier.", StepEffect.Pure, DateJson.Default)
    {
        private static readonly Formula s_difference = new("dateDiff(from, to, unit)");

        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.Moment("from", "From", required: true), Prop.Moment("to", "To", required: true), Prop.Select("unit", "Unit", s_units, "day")];

        protected override Task<Value> RunAsync(DifferenceInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(s_difference.Of(context, "to", ("from", CheckedDate("from", input.From)), ("to", CheckedDate("to", input.To)), ("unit", Value.Of(input.Unit))));
    }

    private sealed class Format() : PieceAction<FormatInput, Value>(
        "format", "Format a date", "The date as a text for people or for another system.", StepEffect.Pure, DateJson.Default)
    {
        private static readonly Formula s_format = new("formatDate(date, format, zone)");

        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.Moment("date", "Date", required: true), Prop.Text("format", "Format", otherwise: "YYYY-MM-DD", help: FormatHelp), Zone()];

        protected override Task<Value> RunAsync(FormatInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(s_format.Of(context, "format", ("date", CheckedDate("date", input.Date)), ("format", Value.Of(input.Format)), ("zone", CheckedZone(input.Zone))));
    }

    /// <summary>
    /// Pure, although the clock goes on: once its line is in the journal it is not asked again, and no effect comes before that line is durable.
    /// </summary>
    private sealed class Now() : PieceAction<NowInput, Value>(
        "now", "Now", "This moment. A run that is resumed keeps the moment it first saw.", StepEffect.Pure, DateJson.Default)
    {
        private static readonly Formula s_iso = new("now(zone)");
        private static readonly Formula s_format = new("formatDate(now(zone), format, zone)");

        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.Text("format", "Format", help: $"{FormatHelp} Left out, ISO 8601."), Zone()];

        protected override Task<Value> RunAsync(NowInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult((input.Format is null ? s_iso : s_format).Of(context, "format", ("format", Value.Of(input.Format)), ("zone", CheckedZone(input.Zone))));
    }

    private sealed class ParseText() : PieceAction<ParseInput, Value>(
        "parse", "Read a date", "The date that a text tells of.", StepEffect.Pure, DateJson.Default)
    {
        private static readonly Formula s_iso = new("date(text, zone)");
        private static readonly Formula s_format = new("parseDate(text, format, zone)");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("text", "Text", required: true),
            Prop.Text("format", "Format", help: $"{FormatHelp} Left out, ISO 8601 or as in mails."),
            Prop.Text("zone", "Time zone", help: "The zone of a text that names none; UTC unless given."),
        ];

        protected override Task<Value> RunAsync(ParseInput input, PieceContext context, CancellationToken cancel)
        {
            var zone = CheckedZone(input.Zone);
            if (input.Format is null)
                CheckedDate("text", Value.Of(input.Text));
            return Task.FromResult((input.Format is null ? s_iso : s_format).Of(context, "text", ("text", Value.Of(input.Text)), ("format", Value.Of(input.Format)), ("zone", zone)));
        }
    }

    private sealed class StartOf() : PieceAction<StartOfInput, Value>(
        "start_of", "Start or end of a period", "The first or last millisecond of the date's year, month, week (from Monday), day and so on.", StepEffect.Pure, DateJson.Default)
    {
        private static readonly Formula s_start = new("startOf(date, unit, zone)");
        private static readonly Formula s_end = new("endOf(date, unit, zone)");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Moment("date", "Date", required: true),
            Prop.Select("unit", "Period", s_units, "day"),
            Prop.Select("edge", "Which end", ["start", "end"], "start"),
            Zone(),
        ];

        protected override Task<Value> RunAsync(StartOfInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult((input.Edge == "start" ? s_start : s_end).Of(context, "date", ("date", CheckedDate("date", input.Date)), ("unit", Value.Of(input.Unit)), ("zone", CheckedZone(input.Zone))));
    }

    private sealed class ToZone() : PieceAction<ToZoneInput, Value>(
        "to_zone", "Change time zone", "The same moment on the clock of another zone.", StepEffect.Pure, DateJson.Default)
    {
        private static readonly Formula s_move = new("toZone(date, zone)");

        public override IReadOnlyList<PropDescription> Props { get; } = [Prop.Moment("date", "Date", required: true), Zone(required: true)];

        protected override Task<Value> RunAsync(ToZoneInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(s_move.Of(context, "date", ("date", CheckedDate("date", input.Date)), ("zone", CheckedZone(input.Zone))));
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(AddInput))]
    [JsonSerializable(typeof(DifferenceInput))]
    [JsonSerializable(typeof(FormatInput))]
    [JsonSerializable(typeof(NowInput))]
    [JsonSerializable(typeof(ParseInput))]
    [JsonSerializable(typeof(StartOfInput))]
    [JsonSerializable(typeof(ToZoneInput))]
    private sealed partial class DateJson : JsonSerializerContext;
}
