using System.Text.RegularExpressions;
using Flows.Api.Access;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Flows.Tests.Api;

/// <summary>A route of the API with one of its methods, and what it says of itself.</summary>
internal sealed record ApiRoute(string Method, RouteEndpoint Endpoint)
{
    /// <summary>All that a running API has.</summary>
    public static IEnumerable<ApiRoute> All(ApiHost api) => ((IEndpointRouteBuilder)api.App).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
        .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods is { Count: > 0 } methods ? methods : ["GET", "POST"])
            .Select(method => new ApiRoute(method, endpoint)));

    public string Pattern => "/" + Endpoint.RoutePattern.RawText!.TrimStart('/');
    public IReadOnlyList<Permission> Required => [.. Endpoint.Metadata.GetOrderedMetadata<RequiredPermission>().Select(required => required.Permission)];
    public bool IsForWorkers => Endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(data => data.Policy == Policies.Worker);
    public bool HasId => Endpoint.RoutePattern.Parameters.Any(IsId);

    /// <summary>The path with the id wherever one belongs, and something short elsewhere.</summary>
    public string Path(Guid id) => Endpoint.RoutePattern.Parameters.Aggregate(Pattern, (path, parameter) =>
        Regex.Replace(path, $$"""\{\*{0,2}{{parameter.Name}}(:[^}]*)?\??\}""", IsId(parameter) ? $"{id}" : parameter.ParameterPolicies.Any(policy => policy.Content == "int") ? "1" : "theirs"));

    private static bool IsId(RoutePatternParameterPart parameter) => parameter.ParameterPolicies.Any(policy => policy.Content == "guid");

    public override string ToString() => $"{Method} {Pattern}";
}
