using System.Globalization;
using System.Text.Json.Nodes;

namespace Flows.Api.Import;

/// <summary>What the triggers of n8n become here.</summary>
internal static class N8nTriggers
{
    /// <summary>Null for a trigger that does not exist here.</summary>
    /// <param name="zone">Of the workflow; null where it keeps to its instance.</param>
    public static JsonObject? Make(JsonObject node, string? zone, List<ImportNote> notes)
    {
        var parameters = node.Object("parameters");
        switch (N8nNodes.TypeOf(node))
        {
            case "webhook":
                TellOfWebhook(parameters, notes);
                return ForeignTrigger.Webhook();
            case "formTrigger" or "chatTrigger":
                notes.Add(new ImportNote(null, "There is no page with a form or a chat here: whoever had it sends the same fields to the flow's address."));
                return ForeignTrigger.Webhook();
            case "manualTrigger" or "start" or "executeWorkflowTrigger":
                return ForeignTrigger.Manual();
            case "scheduleTrigger":
                var rules = parameters.Object("rule").Objects("interval").ToList();
                TellOfMore(rules.Count, notes);
                var rule = rules.FirstOrDefault() ?? [];
                return Schedule(rule.Text("field") ?? "days", rule, zone, notes);
            case "interval":
                var count = Math.Clamp(parameters.Number("interval") ?? 1, 1, 100_000);
                return ForeignTrigger.Every(parameters.Text("unit") switch
                {
                    "minutes" => TimeSpan.FromMinutes(count),
                    "hours" => TimeSpan.FromHours(count),
                    _ => TimeSpan.FromSeconds(count),
                });
            case "cron":
                var items = parameters.Object("triggerTimes").Objects("item").ToList();
                TellOfMore(items.Count, notes);
                var item = items.FirstOrDefault() ?? [];
                return item.Text("mode") == "custom"
                    ? Cron(item.Text("cronExpression") ?? "", zone, notes)
                    : Schedule(item.Text("mode") switch { "everyMinute" => "minutes", "everyHour" => "hours", "everyWeek" => "weeks", "everyMonth" => "months", _ => "days" }, item, zone, notes);
            case "rssFeedReadTrigger":
                notes.Add(new ImportNote(null, "How often the feed is asked was not taken over: every five minutes, unless you say otherwise."));
                return ForeignTrigger.Feed(parameters.Text("feedUrl") ?? "");
            default:
                return null;
        }
    }

    private static void TellOfWebhook(JsonObject? parameters, List<ImportNote> notes)
    {
        notes.Add(new ImportNote(null, $"The flow has an address of its own; whoever called the path '{parameters.Text("path")}' needs the new one."));
        if (parameters.Text("authentication") is { } authentication and not "none")
            notes.Add(new ImportNote(null, $"The webhook was guarded by '{authentication}': set the trigger's authentication here, or anybody who knows the address may call."));
        switch (parameters.Text("responseMode"))
        {
            case "responseNode":
                notes.Add(new ImportNote(null, "Callers get the answer of the respond step from the address that ends with /sync."));
                break;
            case "lastNode":
                notes.Add(new ImportNote(null, "The output of the last node was the answer: add a respond step, and have callers use the address that ends with /sync."));
                break;
        }
    }

    private static void TellOfMore(int rules, List<ImportNote> notes)
    {
        if (rules > 1)
            notes.Add(new ImportNote(null, $"The schedule had {rules} rules; a trigger has one, and the first was taken."));
    }

    private static JsonObject Cron(string expression, string? zone, List<ImportNote> notes)
    {
        if (zone is null)
            notes.Add(new ImportNote(null, "The times are taken to be UTC; there they were those of the instance's own time zone."));
        return ForeignTrigger.Cron(expression, zone);
    }

    private static JsonObject Schedule(string field, JsonObject rule, string? zone, List<ImportNote> notes)
    {
        int At(string name, int otherwise) => rule.Number(name) ?? otherwise;
        foreach (var every in new[] { "weeksInterval", "monthsInterval" })
        {
            if (rule.Number(every) is > 1 and var step)
                notes.Add(new ImportNote(null, $"The schedule left out weeks or months ({every} {step}), which a cron expression cannot say: it starts in each."));
        }
        return field switch
        {
            "cronExpression" => Cron((rule.Text("expression") ?? "").TrimStart('='), zone, notes),
            "seconds" => ForeignTrigger.Every(TimeSpan.FromSeconds(Math.Max(1, At("secondsInterval", 30)))),
            "minutes" => ForeignTrigger.Every(TimeSpan.FromMinutes(Math.Max(1, At("minutesInterval", 5)))),
            "hours" => At("hoursInterval", 1) == 1 ? Cron($"{At("triggerAtMinute", 0)} * * * *", zone, notes) : ForeignTrigger.Every(TimeSpan.FromHours(Math.Max(1, At("hoursInterval", 1)))),
            "weeks" => Cron($"{At("triggerAtMinute", 0)} {At("triggerAtHour", 0)} * * {Days(rule)}", zone, notes),
            "months" => Cron($"{At("triggerAtMinute", 0)} {At("triggerAtHour", 0)} {Math.Clamp(At("triggerAtDayOfMonth", 1), 1, 31)} * *", zone, notes),
            _ => At("daysInterval", 1) == 1
                ? Cron($"{At("triggerAtMinute", At("minute", 0))} {At("triggerAtHour", At("hour", 0))} * * *", zone, notes)
                : ForeignTrigger.Every(TimeSpan.FromDays(Math.Clamp(At("daysInterval", 1), 1, 366))),
        };
    }

    private static string Days(JsonObject rule)
    {
        var days = rule.List("triggerAtDay").Select(ForeignJson.Scalar).Where(day => day is not null).ToList();
        return days.Count > 0 ? string.Join(',', days) : (rule.Number("weekday") ?? 0).ToString(CultureInfo.InvariantCulture);
    }
}
