using System.Globalization;
using System.Text;
using Flows.Queue;

namespace Flows.Api.Queues;

/// <summary>What was enqueued, finished and failed over time, as bars in SVG: behind what was enqueued, in front of it what was finished, and at the foot what failed.</summary>
internal static class QueueChart
{
    private const int Height = 40;

    /// <param name="rates">The periods in which anything happened.</param>
    /// <param name="now">In the last of the periods that are drawn.</param>
    public static void Append(StringBuilder page, string title, IReadOnlyList<QueueRate> rates, TimeSpan period, int periods, DateTimeOffset now)
    {
        var first = new DateTimeOffset(now.UtcTicks / period.Ticks * period.Ticks, TimeSpan.Zero) - period * (periods - 1);
        var shown = rates.Where(rate => rate.From >= first).ToList();
        var most = Math.Max(1, shown.Select(rate => Math.Max(rate.Enqueued, rate.Finished + rate.Failed)).DefaultIfEmpty().Max());
        page.Append(CultureInfo.InvariantCulture, $"""
            <h2>{title}</h2><p>{shown.Sum(rate => rate.Enqueued)} enqueued, {shown.Sum(rate => rate.Finished)} finished, {shown.Sum(rate => rate.Failed)} failed; at most {most} in one.</p>
            <svg viewBox="0 0 {periods * 4} {Height}" preserveAspectRatio="none" role="img" aria-label="{title}">
            """);
        foreach (var rate in shown)
        {
            var x = (int)((rate.From - first) / period) * 4;
            AppendBar(page, "e", x, width: 4, Share(rate.Enqueued));
            AppendBar(page, "f", x + 1, width: 2, Share(rate.Finished + rate.Failed));
            AppendBar(page, "x", x + 1, width: 2, Share(rate.Failed));
        }
        page.Append("</svg>");

        double Share(long count) => (double)count * Height / most;
    }

    private static void AppendBar(StringBuilder page, string kind, int x, int width, double height)
    {
        if (height > 0)
            page.Append(CultureInfo.InvariantCulture, $"<rect class=\"{kind}\" x=\"{x}\" y=\"{Height - height:0.##}\" width=\"{width}\" height=\"{height:0.##}\"/>");
    }
}
