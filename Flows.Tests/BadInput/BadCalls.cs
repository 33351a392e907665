using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;

namespace Flows.Tests.BadInput;

/// <summary>Things of the project that the calls are about, by the last fixed word of the path before the id: <c>flows</c>, <c>runs</c>.</summary>
internal sealed record Targets(IReadOnlyDictionary<string, Guid> Ids)
{
    /// <summary>The path of a route with these ids in it; one that nothing has where there is none.</summary>
    /// <param name="last">Has the id of the last place, where that is another one's.</param>
    public string PathOf(RouteInput input, Targets? last = null)
    {
        var before = "";
        var segments = input.Route.Pattern.Split('/');
        var lastPlace = Array.FindLastIndex(segments, segment => segment.Contains(":guid", StringComparison.Ordinal));
        return string.Join('/', segments.Select((segment, place) =>
        {
            if (segment is not ['{', ..])
                return before = segment;
            return segment.Contains(":guid", StringComparison.Ordinal) ? $"{(place == lastPlace ? last ?? this : this).Ids.GetValueOrDefault(before, Guid.CreateVersion7())}"
                : segment.Contains(":int", StringComparison.Ordinal) ? "1"
                : "a";
        }));
    }
}

/// <summary>Calls that are wrong in one way each, made from what a route says that it takes.</summary>
internal static class BadCalls
{
    /// <summary>The body is not JSON, not the JSON that is expected, or not of the type.</summary>
    public static IEnumerable<BadCall> OfBodies(RouteInput input, Targets targets)
    {
        if (!input.HasBody)
            yield break;
        var path = targets.PathOf(input);
        var typed = input.Body is not null;
        var anything = input.Body is { } body && Bodies.IsAnything(body);
        foreach (var (what, bytes) in NoJson())
            yield return new(input, what, path) { Body = bytes, Status = typed ? 400 : null, MaySucceed = !typed };
        foreach (var type in (string[])["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x", "nonsense", "application/xml"])
            yield return new(input, $"content type {type}", path) { Body = "{}"u8.ToArray(), ContentType = type, Status = typed ? 415 : null, MaySucceed = !typed };
        foreach (var type in (string[])["application/json; charset=nonsense", "application/json; charset=utf-7", "application/json; charset=utf-16", "application/json; charset=\"", "application/x-www-form-urlencoded; charset=nonsense"])
            yield return new(input, $"content type {type}", path) { Body = """{"nobody":1}"""u8.ToArray(), ContentType = type, MaySucceed = !typed || anything };
        yield return new(input, "compressed, it says", path) { Body = "{}"u8.ToArray(), Headers = [("Content-Encoding", "gzip")], MaySucceed = true };
        if (!typed)
            yield break;

        foreach (var place in Bodies.Places(input.Body!))
        {
            foreach (var text in Bodies.OfAnotherType(place.Type))
                yield return OfField(input, path, $"{place.Path} is {text}", Bodies.Write(input.Body!, place.Path, text), place.Path);
            if (!place.TakesNull && !Bodies.IsAnything(place.Type) && !(place.Path == "$" && input.BodyIsOptional))
                yield return OfField(input, path, $"{place.Path} is null", Bodies.Write(input.Body!, place.Path, "null"), place.Path);
            if (place is { IsRequired: true, Path: not "$" })
                yield return OfField(input, path, $"{place.Path} is missing", Bodies.Write(input.Body!, place.Path), place.Path);
            if (place.Type.Kind == JsonTypeInfoKind.Object)
            {
                yield return OfField(input, path, $"{place.Path} has an unknown field", Bodies.Write(input.Body!, place.Path, also: "\"nobodyKnows\":1"), $"{place.Path}.nobodyKnows");
                yield return OfField(input, path, $"{place.Path} has a field of 2,000 levels", Bodies.Write(input.Body!, place.Path, also: $"\"deep\":{Bodies.Deep(2_000)}"), field: null);
            }
            if (Bodies.IsAnything(place.Type))
                yield return OfField(input, path, $"{place.Path} has 2,000 levels", Bodies.Write(input.Body!, place.Path, Bodies.Deep(2_000)), field: null);
            foreach (var text in Bodies.OfTheTypeAndOdd(place.Type))
                yield return new(input, $"{place.Path} is {text[..Math.Min(text.Length, 40)]}", path) { Body = BadCall.Utf8(Bodies.Write(input.Body!, place.Path, text)), MaySucceed = MayBeOdd(text) || Bodies.IsAnything(place.Type) };
        }
    }

    /// <summary>Values of the query that cannot be read, or lie out of any range.</summary>
    public static IEnumerable<BadCall> OfQueries(RouteInput input, Targets targets)
    {
        var path = targets.PathOf(input);
        foreach (var (name, type) in input.Query)
        {
            foreach (var (value, status) in Values(name, type))
            {
                yield return new(input, $"{name}={value[..Math.Min(value.Length, 40)]}", $"{path}?{name}={value}")
                {
                    Body = input.HasBody ? "{}"u8.ToArray() : null,
                    Status = status,
                    MaySucceed = true,
                    Field = status is null ? null : name,
                };
            }
            yield return new(input, $"{name} twice", $"{path}?{name}=1&{name}=%00") { Body = input.HasBody ? "{}"u8.ToArray() : null, MaySucceed = true };
        }
        yield return new(input, "a query of bad UTF-8", $"{path}?%FF%FE=%C3%28&=&&x=%00&%00") { Body = input.HasBody ? "[]"u8.ToArray() : null, MaySucceed = true };
    }

    /// <summary>Ids that are none, and names that nothing can have.</summary>
    public static IEnumerable<BadCall> OfPaths(RouteInput input)
    {
        foreach (var bad in (string[])["not-an-id", "%FF%FE", "%C3%28", "a%00b", "%E2%80%AE", "..%2F..%2Fetc", "99999999999999999999", "-1", "a%0Ab", new string('x', 3_000), "%F0%9F%98%80", "%ED%A0%80", "%25", "{}", "%20"])
        {
            var path = Regex.Replace(input.Route.Pattern, @"\{[^}]*\}", bad.Replace("$", "$$", StringComparison.Ordinal));
            if (path != input.Route.Pattern)
                yield return new(input, $"{bad[..Math.Min(bad.Length, 40)]} in the path", path)
                {
                    Body = input.HasBody ? "{}"u8.ToArray() : null,
                    MaySucceed = input.Route.Pattern.Contains("{*", StringComparison.Ordinal), // a page of the web app, which says itself what there is not
                    IsServers = bad.Contains("%00", StringComparison.Ordinal) || bad.Length > 1_000,
                };
        }
    }

    /// <summary>Ids of another project wherever a body or a query takes one: the call is as it should be but for that.</summary>
    public static IEnumerable<BadCall> OfForeignIds(RouteInput input, Targets own, Targets theirs)
    {
        var path = own.PathOf(input);
        foreach (var (kind, id) in theirs.Ids)
        {
            foreach (var name in input.Query.Where(parameter => parameter.Value == typeof(Guid)).Select(parameter => parameter.Key))
                yield return new(input, $"{name} is of another project's {kind}", $"{path}?{name}={id}") { Body = input.HasBody ? "{}"u8.ToArray() : null, MaySucceed = true };
            if (input.Body is null)
                continue;
            foreach (var place in Bodies.Places(input.Body).Where(place => Bodies.IsId(place)))
                yield return new(input, $"{place.Path} is of another project's {kind}", path) { Body = BadCall.Utf8(Bodies.Write(input.Body, place.Path, $"\"{id}\"")), MaySucceed = true };
        }
    }

    /// <summary>Headers that are read somewhere, with what cannot be read.</summary>
    public static IEnumerable<BadCall> OfHeaders(RouteInput input, Targets targets)
    {
        var path = targets.PathOf(input);
        // The first decide before others are looked at; those that follow are read by what is behind them.
        foreach (var names in (string[][])[["If-Match", "If-None-Match", "Flows-Project"], ["Flows-Run-Tags", "Idempotency-Key", "Last-Event-ID", "traceparent", "Accept", "Cookie", "Range"]])
        {
            foreach (var value in (string[])["\"", "\"99999999999999999999\"", $"é☃{new string('x', 2_000)}"])
            {
                // What a service sends, a flow gets: a webhook takes all of these.
                yield return new(input, $"{names[0]} and others: {value[..Math.Min(value.Length, 40)]}", path)
                {
                    Headers = [.. names.Select(name => (name, value))],
                    Body = input.HasBody ? "[]"u8.ToArray() : null,
                    MaySucceed = true,
                };
            }
        }
    }

    private static BadCall OfField(RouteInput input, string path, string what, string body, string? field) =>
        new(input, what, path) { Body = BadCall.Utf8(body), Status = 400, Field = field };

    private static IEnumerable<(string What, byte[] Bytes)> NoJson()
    {
        yield return ("no JSON", "name=a"u8.ToArray());
        yield return ("half of an object", """{"name":"a","""u8.ToArray());
        yield return ("half of a text", "{\"na"u8.ToArray());
        yield return ("a brace", "{"u8.ToArray());
        yield return ("2,000 levels of lists", BadCall.Utf8(Bodies.Deep(2_000)));
        yield return ("2,000 levels of objects", BadCall.Utf8(string.Concat(Enumerable.Repeat("{\"a\":", 2_000)) + "1" + new string('}', 2_000)));
        yield return ("bytes that are no UTF-8", [.. "{\"name\":\""u8, 0xC3, 0x28, 0xFF, .. "\"}"u8]);
        yield return ("half of a character", [.. "{\"name\":\""u8, 0xE2, 0x82, .. "\"}"u8]);
        yield return ("NUL", [0]);
        yield return ("NUL in a text", [.. "{\"name\":\""u8, 0, .. "\"}"u8]);
        yield return ("half a surrogate pair", "{\"name\":\"\\ud800\",\"\\udc00\":1}"u8.ToArray());
        yield return ("UTF-16", Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("{\"name\":\"a\"}")).ToArray());
        yield return ("two values", "{} {}"u8.ToArray());
        yield return ("a comment", "/* */ {}"u8.ToArray());
        yield return ("a comma too many", "{\"name\":\"a\",}"u8.ToArray());
        yield return ("NaN", "{\"limit\":NaN}"u8.ToArray());
    }

    // An empty text, a text of template marks, zero and an hour of the year 1 are odd, and here and there they have a meaning.
    private static bool MayBeOdd(string text) => !text.Contains("\\u0000", StringComparison.Ordinal) && !text.Contains("\\ud800", StringComparison.Ordinal) && text.Length < 50_000;

    private static IEnumerable<(string Value, int? Status)> Values(string name, Type type)
    {
        const string Longest = "2147483647";
        if (type == typeof(int) || type == typeof(long))
        {
            return [("x", 400), ("1.5", 400), ("NaN", 400), ("99999999999999999999", 400), ("%00", 400), ("0x10", 400), ("%D9%A1", 400),
                ("-1", name == "limit" ? 400 : null), ("0", name == "limit" ? 400 : null), ("1000000000", name == "limit" ? 400 : null), (Longest, null), ("-2147483648", null)];
        }
        if (type == typeof(bool))
            return [("x", 400), ("1", 400), ("%00", 400)];
        if (type == typeof(Guid))
            return [("x", 400), ("%00", 400), ($"{Guid.Empty}", null), ($"{Guid.CreateVersion7()}{Guid.CreateVersion7()}", 400)];
        if (type == typeof(DateTimeOffset) || type == typeof(DateTime))
        {
            return [("yesterday", 400), ("2026-13-45", 400), ("%00", 400), ("99999-01-01", 400),
                ("0001-01-01T00:00:00%2B14:00", null), ("9999-12-31T23:59:59.9999999-14:00", null), ("9999-12-31T23:59:59.9999999Z", null), ("0001-01-01", null)];
        }
        return [("%00", null), ("a%00b", null), ("%FF%FE", null), ("%ED%A0%80", null), (new string('x', 4_000), null), ("%25%25%5F%5C", null), (WebUtility.UrlEncode("'; DROP TABLE flows; --"), null),
            (Convert.ToBase64String(new byte[16]).TrimEnd('='), null), (Convert.ToBase64String(new byte[15]), null), (Guid.Empty.ToString(), null), ("9223372036854775808", null),
            (new DateTime(9999, 12, 31).ToString("o", CultureInfo.InvariantCulture), null)];
    }
}
