using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Flows.Tests.Api;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Flows.Tests.BadInput;

/// <summary>What a route of a running API takes, by its own description.</summary>
/// <param name="Body">The JSON body as the framework reads it; null when there is none, or the handler reads it itself.</param>
/// <param name="BodyIsOptional">A body of null is as good as none.</param>
/// <param name="Query">The parameters of the query by name, with the type that each is read as.</param>
internal sealed record RouteInput(ApiRoute Route, JsonTypeInfo? Body, bool BodyIsOptional, IReadOnlyDictionary<string, Type> Query)
{
    public bool HasBody => Route.Method is "POST" or "PUT" or "PATCH";

    /// <summary>The most that the route takes, in bytes, when it takes less than the server does.</summary>
    public long? Limit => Route.Endpoint.Metadata.GetMetadata<IRequestSizeLimitMetadata>()?.MaxRequestBodySize;

    public static IReadOnlyList<RouteInput> All(ApiHost api)
    {
        var json = api.App.Services.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
        var described = api.App.Services.GetRequiredService<IApiDescriptionGroupCollectionProvider>().ApiDescriptionGroups.Items.SelectMany(group => group.Items)
            .ToLookup(description => (description.HttpMethod ?? "", description.ActionDescriptor.DisplayName));
        return [.. ApiRoute.All(api).Select(route => new RouteInput(
            route,
            route.Endpoint.Metadata.GetMetadata<IAcceptsMetadata>() is { RequestType: { } type } accepts && accepts.ContentTypes.Contains("application/json") ? json.GetTypeInfo(type) : null,
            route.Endpoint.Metadata.GetMetadata<IAcceptsMetadata>()?.IsOptional ?? true,
            described[(route.Method, route.Endpoint.DisplayName)].SelectMany(description => description.ParameterDescriptions)
                .Where(parameter => parameter.Source.Id == "Query").DistinctBy(parameter => parameter.Name)
                .ToDictionary(parameter => JsonNamingPolicy.CamelCase.ConvertName(parameter.Name), parameter => Nullable.GetUnderlyingType(parameter.Type) ?? parameter.Type)))];
    }

    public override string ToString() => Route.ToString();
}

/// <summary>A place in a JSON body and the type that belongs there.</summary>
/// <param name="Path">As errors show it: <c>$.steps[0].name</c>.</param>
internal sealed record BodyPlace(string Path, JsonTypeInfo Type, bool IsRequired, bool TakesNull);

/// <summary>JSON texts for a type: a plausible one, and the same with one thing changed.</summary>
internal static class Bodies
{
    private const int Depth = 6;

    /// <summary>What members of these names take, wherever they are: without it an endpoint looks no further.</summary>
    private static readonly Dictionary<string, string> s_words = new()
    {
        ["kind"] = "secret",
        ["email"] = "a@example.com",
        ["decision"] = "stop",
        ["from"] = "start",
        ["version"] = "same",
        ["event"] = "cron",
        ["scopes"] = "flows:read",
        ["source"] = "repositories",
        ["password"] = "correct horse battery staple",
    };

    /// <summary>The places of a body, the outermost first.</summary>
    public static IEnumerable<BodyPlace> Places(JsonTypeInfo type, string path = "$", bool required = true, bool takesNull = false, int depth = 0)
    {
        yield return new BodyPlace(path, type, required, takesNull);
        if (depth == Depth)
            yield break;
        if (type.Kind == JsonTypeInfoKind.Object)
        {
            foreach (var property in Settable(type))
            {
                foreach (var place in Places(type.Options.GetTypeInfo(property.PropertyType), $"{path}.{property.Name}", property.IsRequired, property.IsSetNullable, depth + 1))
                    yield return place;
            }
        }
        else if (type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element })
        {
            foreach (var place in Places(type.Options.GetTypeInfo(element), $"{path}[0]", required: false, takesNull: true, depth + 1))
                yield return place;
        }
    }

    /// <param name="at">The place to be written otherwise; null for none.</param>
    /// <param name="text">The JSON that stands there; null leaves the place out.</param>
    /// <param name="also">A member more for the object at that place.</param>
    /// <param name="word">The name of the member that it is for.</param>
    public static string Write(JsonTypeInfo type, string? at = null, string? text = null, string? also = null, string path = "$", int depth = 0, string word = "")
    {
        if (path == at && also is null)
            return text ?? "";
        if (depth == Depth)
            return "null";
        if (type.Kind == JsonTypeInfoKind.Object)
        {
            var members = Settable(type).Where(property => text is not null || also is not null || $"{path}.{property.Name}" != at)
                .Select(property => $"\"{property.Name}\":{Write(type.Options.GetTypeInfo(property.PropertyType), at, text, also, $"{path}.{property.Name}", depth + 1, property.Name)}");
            return $"{{{string.Join(',', path == at && also is not null ? members.Append(also) : members)}}}";
        }
        if (type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element })
            return $"[{Write(type.Options.GetTypeInfo(element), at, text, also, $"{path}[0]", depth + 1, word)}]";
        return Underlying(type) == typeof(string) && s_words.TryGetValue(word, out var known) ? $"\"{known}\"" : Plausible(type);
    }

    /// <summary>JSON texts that are not of the type; empty where anything is.</summary>
    public static IEnumerable<string> OfAnotherType(JsonTypeInfo type)
    {
        var clr = Underlying(type);
        if (type.Kind == JsonTypeInfoKind.Object)
            return ["\"text\"", "1", "true", "[]"];
        if (type.Kind == JsonTypeInfoKind.Enumerable)
            return ["\"text\"", "1", "{}", "[[[1]]]"];
        if (type.Kind == JsonTypeInfoKind.Dictionary)
            return ["\"text\"", "1", "[]"];
        if (clr == typeof(string))
            return ["1", "true", "[]", "{}"];
        if (clr == typeof(bool))
            return ["\"true\"", "1", "[]", "{}"];
        if (IsNumber(clr))
            return ["\"1\"", "true", "[]", "{}", "1e400", "\"NaN\"", "99999999999999999999999999", .. clr == typeof(double) ? Array.Empty<string>() : ["1.5"]];
        if (clr.IsEnum)
            return ["\"Nobody\"", "\"\"", "[]", "{}", "99", "-1", "\"99\""];
        if (clr == typeof(Guid))
            return ["\"not-an-id\"", "\"\"", "1", "[]", "{}"];
        if (clr == typeof(DateTimeOffset) || clr == typeof(DateTime))
            return ["\"yesterday\"", "\"2026-13-45T00:00:00Z\"", "\"99999-01-01T00:00:00Z\"", "1", "[]", "{}"];
        return clr == typeof(TimeSpan) ? ["\"soon\"", "\"99999999999.00:00:00\"", "1", "[]", "{}"] : [];
    }

    /// <summary>Of the type, and still nothing that a caller in his right mind sends.</summary>
    public static IEnumerable<string> OfTheTypeAndOdd(JsonTypeInfo type)
    {
        var clr = Underlying(type);
        if (type.Kind == JsonTypeInfoKind.Enumerable)
            return ["[]", $"[{string.Join(',', Enumerable.Repeat(Plausible(type.Options.GetTypeInfo(type.ElementType!)), 3_000))}]"];
        if (clr == typeof(string))
            return Strings;
        if (IsNumber(clr))
            return ["0", "-1", "2147483647", "-2147483648", .. clr == typeof(long) ? ["9223372036854775807", "-9223372036854775808"] : Array.Empty<string>()];
        if (clr == typeof(Guid))
            return ["\"00000000-0000-0000-0000-000000000000\"", "\"ffffffff-ffff-ffff-ffff-ffffffffffff\""];
        if (clr == typeof(DateTimeOffset) || clr == typeof(DateTime))
            return ["\"0001-01-01T00:00:00+14:00\"", "\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59.9999999-14:00\"", "\"9999-12-31T23:59:59.9999999Z\""];
        if (clr == typeof(TimeSpan))
            return ["\"-00:00:01\"", "\"00:00:00\"", "\"10675199.02:48:05\""];
        return IsAnything(type)
            ? [.. Strings, .. Strings.Select(text => $"{{\"token\":{text}}}"), .. Strings.Take(4).Select(text => $"{{{text}:\"x\"}}"), "1e400", "{}", "[]", "{\"cron\":[],\"timeZone\":1}", "{\"a\":1,\"a\":2}", "{\"schema\":1,\"trigger\":{\"a\":1,\"a\":2},\"steps\":[{\"kind\":1,\"kind\":2}]}", Deep(60)]
            : [];
    }

    /// <summary>NUL, half a surrogate pair, much too long, empty, blank, control characters, another direction of writing.</summary>
    private static string[] Strings { get; } =
        ["\"\\u0000\"", "\"a\\u0000b\"", "\"\\ud800\"", "\"\\udc00x\"", $"\"{new string('x', 100_000)}\"", "\"\"", "\"  \"", "\"\\r\\n\\u001b[0m\"", "\"\\u202e\\u2066\"", "\"../../etc/passwd\"", "\"{{x\""];

    public static string Deep(int depth) => new string('[', depth) + new string(']', depth);

    public static bool IsAnything(JsonTypeInfo type) => type.Kind == JsonTypeInfoKind.None && Underlying(type) is { IsEnum: false, IsPrimitive: false, Namespace: not "System" };

    /// <summary>An id, or something of any shape under a name that ids have: a folder of null is another thing than none.</summary>
    public static bool IsId(BodyPlace place) =>
        Underlying(place.Type) == typeof(Guid) || (place.Path.EndsWith("Id", StringComparison.Ordinal) && (IsAnything(place.Type) || Underlying(place.Type) == typeof(string) || Underlying(place.Type) == typeof(JsonElement)));

    private static IEnumerable<JsonPropertyInfo> Settable(JsonTypeInfo type) => type.Properties.Where(property => property.Set is not null || property.AssociatedParameter is not null);

    private static string Plausible(JsonTypeInfo type)
    {
        var clr = Underlying(type);
        return clr == typeof(string) ? "\"a\""
            : clr == typeof(bool) ? "true"
            : clr.IsEnum ? JsonSerializer.Serialize(Enum.GetValues(clr).GetValue(0), type.Options.GetTypeInfo(clr))
            : IsNumber(clr) ? "1"
            : clr == typeof(Guid) ? $"\"{Guid.CreateVersion7()}\""
            : clr == typeof(DateTimeOffset) || clr == typeof(DateTime) ? "\"2026-05-04T03:02:01Z\""
            : clr == typeof(TimeSpan) ? "\"00:00:01\""
            : type.Kind == JsonTypeInfoKind.Enumerable ? "[]"
            : "{}";
    }

    private static bool IsNumber(Type type) => type == typeof(int) || type == typeof(long) || type == typeof(double) || type == typeof(decimal) || type == typeof(short);

    private static Type Underlying(JsonTypeInfo type) => Nullable.GetUnderlyingType(type.Type) ?? type.Type;
}
