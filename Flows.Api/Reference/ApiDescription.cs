using Flows.Api.Access;
using Flows.Api.Flows;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Flows.Api.Reference;

/// <summary>
/// The description of the REST surface (<c>/openapi/v1.json</c>) and the page made of it (<c>/docs</c>). Most of it comes from what endpoints say of
/// themselves: their permission, their types with their doc comments, their problems. What routes cannot say is in <see cref="ReadsHeader"/>,
/// <see cref="ReadsBody"/> and <see cref="AnswersWith"/> beside them; words of parameters and fields are in
/// <see cref="ParameterWords"/> and <see cref="FieldWords"/>, the values of examples in <see cref="ExampleValues"/>.
/// </summary>
internal static class ApiDescription
{
    public const string Document = "v1";
    public const string KeyScheme = "apiKey";
    public const string SessionScheme = "session";
    public const string CsrfScheme = "csrf";

    public static IHostApplicationBuilder AddApiDescription(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ReferencePages>();
        builder.Services.AddOpenApi(Document, options =>
        {
            options.ShouldInclude = description => description.RelativePath?.StartsWith("internal/", StringComparison.Ordinal) != true;
            options.AddOperationTransformer(OperationDescription.DescribeAsync);
            options.AddSchemaTransformer(SchemaDescription.DescribeAsync);
            options.AddDocumentTransformer((document, context, cancel) =>
            {
                Introduce(document, context.ApplicationServices.GetRequiredService<PublicUrl>().PathBase);
                ErrorResponses.AddTo(document);
                SchemaDescription.Simplify(document);
                FieldWords.AddTo(document);
                ExampleValues.AddTo(document);
                return Task.CompletedTask;
            });
        });
        return builder;
    }

    public static void MapApiDescription(this IEndpointRouteBuilder app)
    {
        app.MapOpenApi("/openapi/{documentName:regex(^v1$)}.json").AllowAnonymous("It describes the surface and holds no data.").WithMetadata(new WorksWithoutDatabase());
        app.MapReference();
    }

    private static void Introduce(OpenApiDocument document, string pathBase)
    {
        document.Info = new()
        {
            Title = "Flows",
            Version = Document,
            Description = """
                Everything that the web app does goes through this API, and so can any client.

                - **Credentials**: an API key of a project (`Authorization: Bearer flk_…`), or the cookie of a session with `Flows-Csrf: 1` on everything but GET. Who belongs to several projects names one with `Flows-Project: <id>`.
                - **Errors** are `application/problem+json` (RFC 9457): `title`, `status`, `detail`, `traceId`, `errors` with the `path` of each field at fault, and where it is useful to branch on a `code`. A fault of Flows itself is a 500 of the same shape.
                - **Lists** run from the newest to the oldest, and are paged: `nextCursor` of one page is the `cursor` of the next, and null on the last.
                - **Times** are ISO 8601 with an offset, ids are UUIDs, spans of time are `d.hh:mm:ss`. An unknown, missing or repeated field of a body is refused with its path.
                """,
        };
        // Relative, so that the document is the same wherever it is read from.
        document.Servers = [new() { Url = pathBase.Length == 0 ? "/" : pathBase }];
        document.Components ??= new();
        document.AddComponent<IOpenApiSecurityScheme>(KeyScheme, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "An API key of a project, `flk_…`. Its role and its scopes say what it may do.",
        });
        document.AddComponent<IOpenApiSecurityScheme>(SessionScheme, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Cookie,
            Name = "flows_session",
            Description = "The cookie that `POST /api/v1/session` sets; over https its name is `__Host-flows_session`. With several projects the header `Flows-Project` (or `?project=`) says which one.",
        });
        document.AddComponent<IOpenApiSecurityScheme>(CsrfScheme, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Header,
            Name = CrossSite.Header,
            Description = "Any value. Goes with the cookie on everything that is no GET, so that no other site can send it.",
        });
        document.Security = [new() { [new OpenApiSecuritySchemeReference(KeyScheme, document)] = [] }];
        var used = document.Paths.Values.SelectMany(path => path.Operations?.Values ?? Enumerable.Empty<OpenApiOperation>())
            .SelectMany(operation => operation.Tags ?? Enumerable.Empty<OpenApiTagReference>()).Select(tag => tag.Name).ToHashSet();
        document.Tags = new HashSet<OpenApiTag>(Tags.All.Where(tag => used.Contains(tag.Name)).Select(tag => new OpenApiTag { Name = tag.Name, Description = tag.Means }));
        SortPaths(document);
    }

    // By tag, in the order of the table, then by path: the order in which endpoints are mapped is nobody's business.
    private static void SortPaths(OpenApiDocument document)
    {
        var order = Tags.All.Select((tag, i) => (tag.Name, i)).ToDictionary(tag => tag.Name, tag => tag.i);
        var sorted = document.Paths
            .OrderBy(path => path.Value.Operations?.Values.Min(operation => order.GetValueOrDefault(operation.Tags?.FirstOrDefault()?.Name ?? "", int.MaxValue)))
            .ThenBy(path => path.Key, StringComparer.Ordinal).ToList();
        document.Paths = [];
        foreach (var (path, item) in sorted)
            document.Paths.Add(path, item);
    }
}

/// <summary>What operations are grouped by, in the order in which one meets them.</summary>
internal static class Tags
{
    public static IReadOnlyList<(string Name, string Means)> All { get; } =
    [
        ("Sign-in", "Coming in and going out, and what a caller may know and change of itself."),
        ("Access", "The API keys of the project. A key may do no more than who makes it."),
        ("Projects", "Projects and their settings. The id in an address is that of the project the request is in."),
        ("Members", "Who belongs to a project and in which role, and the links that let further people in."),
        ("Flows", "Flows themselves: name, key, folder, tags, switched on or off, deleted and restored. Their definitions are drafts and versions."),
        ("Folders", "Names that flows are put under. A folder holds flows and no folders."),
        ("Drafts", "The definition that is being edited. Its revision is its ETag: with If-Match nobody overwrites what somebody else has saved."),
        ("Testing", "Trying a flow, a step or an expression while it is being built."),
        ("Versions", "What was published, and stays as it was."),
        ("Import and export", "Flows as files: our own, and those of Activepieces and n8n."),
        ("Pieces", "What flows are made of, and what services have to say while one is being built."),
        ("Runs", "Starting, finding, watching, ending and retrying runs."),
        ("Webhooks", "Where flows are started from outside. The caller needs no credential but what the flow's trigger asks for."),
        ("Resume", "Links that let a waiting run go on. The link is the credential."),
        ("Approvals", "Links that ask somebody for a decision. The link is the credential."),
        ("Schedules", "When the clock starts a flow."),
        ("Triggers", "How triggers that deal with a service are doing."),
        ("Connections", "Credentials of services. Secrets go in and never come out."),
        ("Variables", "Values that flows share and that everybody in the project may see."),
        ("Audit", "Who did what, when and from where."),
        ("System", "The queue, the workers, what is stored, and the keys that secrets are sealed with."),
    ];
}
