using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Flows.Api.Reference;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace Flows.Tests.Api;

/// <summary>
/// Compares the status of every answer that a test gets with those that the API's document says its operation may have. So the document is tested by
/// all that is asked of the API in any test. Faults (500), what ends without an answer, and what flows answer themselves (/sync) are left out.
/// </summary>
internal sealed partial class DeclaredAnswers : IStartupFilter
{
    private static readonly SemaphoreSlim s_once = new(1);
    private static IReadOnlyDictionary<string, HashSet<int>>? s_declared;
    private readonly ConcurrentDictionary<string, bool> _undeclared = new();

    /// <summary>As <c>POST /api/v1/flows: 418</c>.</summary>
    public IEnumerable<string> Undeclared => _undeclared.Keys.Order();

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(async (HttpContext http, RequestDelegate rest) =>
        {
            await rest(http);
            var endpoint = http.GetEndpoint() ?? http.Features.Get<IExceptionHandlerFeature>()?.Endpoint;
            if (endpoint is not RouteEndpoint route || route.RoutePattern.RawText!.EndsWith("/sync", StringComparison.Ordinal) || http.Response.StatusCode is 500 or 499 || http.RequestAborted.IsCancellationRequested)
                return;
            var operation = $"{http.Request.Method} /{Constraint().Replace(route.RoutePattern.RawText.TrimStart('/'), "{$1}").TrimEnd('/')}";
            if ((await DeclaredAsync(app.ApplicationServices)).TryGetValue(operation, out var statuses) && !statuses.Contains(http.Response.StatusCode))
                _undeclared.TryAdd($"{operation}: {http.Response.StatusCode}", true);
        });
        next(app);
    };

    // Once for all hosts: they have the same routes.
    private static async Task<IReadOnlyDictionary<string, HashSet<int>>> DeclaredAsync(IServiceProvider services)
    {
        if (s_declared is not null)
            return s_declared;
        await s_once.WaitAsync();
        try
        {
            if (s_declared is null)
            {
                var document = await services.GetRequiredKeyedService<IOpenApiDocumentProvider>(ApiDescription.Document).GetOpenApiDocumentAsync();
                s_declared = document.Paths.SelectMany(path => path.Value.Operations!.Select(operation => (Name: $"{operation.Key.Method} {path.Key}", operation.Value.Responses)))
                    .ToDictionary(operation => operation.Name, operation => operation.Responses!.Keys.Select(status => int.Parse(status, CultureInfo.InvariantCulture)).ToHashSet());
            }
            return s_declared;
        }
        finally
        {
            s_once.Release();
        }
    }

    [GeneratedRegex(@"\{\*{0,2}(\w+)(:[^}]*)?\}")]
    private static partial Regex Constraint();
}
