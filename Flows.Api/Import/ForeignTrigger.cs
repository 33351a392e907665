using System.Text.Json.Nodes;

namespace Flows.Api.Import;

/// <summary>The triggers that both readers make.</summary>
internal static class ForeignTrigger
{
    public static JsonObject Webhook() => Of("webhook", "catch");
    public static JsonObject Manual() => Of("manual", "run");

    public static JsonObject Cron(string expression, string? timeZone) =>
        Of("schedule", "cron", new JsonObject { ["cron"] = expression, ["timeZone"] = string.IsNullOrWhiteSpace(timeZone) ? "UTC" : timeZone });

    public static JsonObject Every(TimeSpan time) => Of("schedule", "interval", new JsonObject { ["every"] = time.ToString("c") });

    public static JsonObject Feed(string url) => Of("rss", "new_item", new JsonObject { ["url"] = url });

    private static JsonObject Of(string piece, string happening, JsonObject? input = null) =>
        new() { ["name"] = "trigger", ["piece"] = piece, ["event"] = happening, ["input"] = input ?? [] };
}
