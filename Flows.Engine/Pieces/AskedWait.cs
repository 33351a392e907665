using System.Globalization;
using System.Net.Http.Headers;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces;

/// <summary>
/// How long a service asks its callers to stay away: the header <c>Retry-After</c> (RFC 9110, 10.2.3), in seconds or as a date. A transient
/// error carries it as <see cref="Property"/> of its detail, and the step's next try comes no sooner.
/// </summary>
internal static class AskedWait
{
    public const string Property = "retryAfterSeconds";

    /// <returns>Null when the answer asks for nothing, or in a form that is none.</returns>
    public static TimeSpan? Of(HttpResponseHeaders headers, TimeProvider clock) => Of(headers.RetryAfter, clock);

    /// <param name="header">The header as it was sent.</param>
    public static TimeSpan? Of(string? header, TimeProvider clock) =>
        Of(RetryConditionHeaderValue.TryParse(header, out var parsed) ? parsed : null, clock);

    /// <summary>The detail's property: whole seconds, rounded up. Nothing when nothing was asked for.</summary>
    public static IEnumerable<KeyValuePair<string, Value>> Properties(TimeSpan? wait) =>
        wait is { } time ? [new(Property, Value.Of(Math.Ceiling(time.TotalSeconds)))] : [];

    /// <summary>For the end of a message.</summary>
    public static string Words(TimeSpan? wait) =>
        wait is { } time ? string.Create(CultureInfo.InvariantCulture, $"; it asks to wait {Math.Ceiling(time.TotalSeconds):0} s") : "";

    private static TimeSpan? Of(RetryConditionHeaderValue? header, TimeProvider clock) => header switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date > clock.GetUtcNow() ? date - clock.GetUtcNow() : TimeSpan.Zero,
        _ => null,
    };
}
