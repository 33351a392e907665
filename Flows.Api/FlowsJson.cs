using System.Text.Json;
using System.Text.Json.Serialization;

namespace Flows.Api;

/// <summary>How the REST surface writes and reads JSON.</summary>
internal static class FlowsJson
{
    /// <summary>camelCase, enums as words; unknown, missing and repeated fields of request records are refused with their path.</summary>
    public static IHostApplicationBuilder AddJson(this IHostApplicationBuilder builder)
    {
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            var options = json.SerializerOptions;
            options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
            options.PropertyNameCaseInsensitive = false;
            options.NumberHandling = JsonNumberHandling.Strict;
            options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
            options.RespectRequiredConstructorParameters = true;
            options.RespectNullableAnnotations = true;
            options.AllowDuplicateProperties = false;
            options.Converters.Add(new JsonStringEnumConverter());
        });
        return builder;
    }
}
