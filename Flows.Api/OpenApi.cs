using Flows.Api.Access;
using Flows.Contracts.Json;
using Microsoft.OpenApi;

namespace Flows.Api;

/// <summary>The description of the REST surface, and the page at the root that leads to it.</summary>
internal static class OpenApi
{
    private const string SchemeName = "apiKey";

    public static IHostApplicationBuilder AddApiDescription(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOpenApi("v1", options =>
        {
            options.ShouldInclude = description => description.RelativePath?.StartsWith("internal/", StringComparison.Ordinal) != true;
            options.AddDocumentTransformer((document, _, _) =>
            {
                document.Info = new() { Title = "Flows", Version = "v1", Description = "Errors are application/problem+json; lists are paged by cursor." };
                document.Components ??= new();
                document.AddComponent<IOpenApiSecurityScheme>(SchemeName, new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.Http,
                    Scheme = "bearer",
                    Description = "An API key of a project: flk_…",
                });
                document.Security = [new() { [new OpenApiSecuritySchemeReference(SchemeName, document)] = [] }];
                return Task.CompletedTask;
            });
            // Any JSON value: the generator sees only a type with a converter.
            options.AddSchemaTransformer((schema, context, _) =>
            {
                if (context.JsonTypeInfo.Type == typeof(RawJson))
                    schema.Type = null;
                return Task.CompletedTask;
            });
        });
        return builder;
    }

    public static void MapApiDescription(this IEndpointRouteBuilder app)
    {
        app.MapOpenApi("/openapi/{documentName:regex(^v1$)}.json").AllowAnonymous("It describes the surface and holds no data.");
    }
}
