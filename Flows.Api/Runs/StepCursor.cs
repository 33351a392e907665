using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Flows.Api.Runs;

/// <summary>A place in a run's journal: the last step of the page before. As text it is base64url of <c>ticks path</c>.</summary>
internal sealed record StepCursor(DateTimeOffset StartedAt, string Path)
{
    /// <summary>Null when the text is not a cursor.</summary>
    public static StepCursor? Parse(string text)
    {
        if (!Base64Url.IsValid(text))
            return null;
        var parts = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text)).Split(' ', 2);
        return parts is [var ticks, var path]
            && !path.Contains('\0', StringComparison.Ordinal)
            && long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var utc)
            && utc <= DateTime.MaxValue.Ticks
                ? new(new DateTimeOffset(utc, TimeSpan.Zero), path)
                : null;
    }

    public override string ToString() =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{StartedAt.UtcTicks} {Path}")));
}
