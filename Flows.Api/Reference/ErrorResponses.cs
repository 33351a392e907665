using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.OpenApi;

namespace Flows.Api.Reference;

/// <summary>The errors, once for the whole document: each is a problem of the shape of <see cref="Problems"/>.</summary>
internal static class ErrorResponses
{
    private const string Schema = "ProblemDetails";

    private sealed record Words(string Means, string Detail, string? Code = null, string? Path = null, bool TellsWhen = false);

    private static readonly SortedDictionary<int, Words> s_all = new()
    {
        [400] = new("Something in the request is not as it has to be; `errors` names each field at fault. Also: you belong to several projects and named none.", "It must be from 1 to 100.", Path: "limit"),
        [401] = new("There is no credential, or it is unknown, revoked, expired or wrong.", "The API key is unknown, revoked or expired."),
        [403] = new("The credential may not do this, or a change by cookie came without the header `Flows-Csrf`.", "This needs the permission 'flows:edit', which the role Viewer does not have."),
        [404] = new("There is no such thing in this project; or you have no such project. What another project has is not there.", "There is no flow 0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10."),
        [409] = new("The request is fine, and the state of things does not allow it.", "The flow is disabled.", "flow_disabled"),
        [410] = new("It was there once and is over.", "The run that this link belongs to is over.", "run_over"),
        [412] = new("Somebody else has changed it since it was read.", "The draft is no longer at revision 3: somebody has changed it. Read it again."),
        [413] = new("The body is over the limit that `detail` names.", "The body is over the limit of 4,194,304 bytes."),
        [415] = new("The body is not of the type `application/json`.", "A body of type application/json is expected."),
        [422] = new("It was understood, and cannot be done as asked; `code` says why.", "This Idempotency-Key was used for another call.", "key_reused"),
        [429] = new("Too many at once or in a short time. `Retry-After` says when to try again.", "The project has 50 streams open on this instance already. Close one, or try again later.", "too_many_streams", TellsWhen: true),
        [500] = new("The flow failed; `step` names the step, and the run says why to those who may read it.", "The flow failed at step 'charge'.", "flow_failed"),
        [503] = new("Postgres, Redis or something else that is needed cannot be reached at the moment. Nothing is lost; `Retry-After` says when to try again.", "The database cannot be reached.", TellsWhen: true),
        [504] = new("No answer came in time.", "The flow used up its time.", "flow_timed_out"),
    };

    public static bool Knows(string status) => int.TryParse(status, out var number) && s_all.ContainsKey(number);

    public static IOpenApiResponse Reference(int status, OpenApiDocument document) => new OpenApiResponseReference($"Problem{status}", document);

    public static void AddTo(OpenApiDocument document)
    {
        document.Components!.Schemas ??= new Dictionary<string, IOpenApiSchema>();
        document.Components.Schemas[Schema] = ProblemSchema();
        document.Components.Responses ??= new Dictionary<string, IOpenApiResponse>();
        foreach (var (status, words) in s_all)
        {
            document.Components.Responses[$"Problem{status}"] = new OpenApiResponse
            {
                Description = words.Means,
                Headers = words.TellsWhen ? new Dictionary<string, IOpenApiHeader>
                {
                    ["Retry-After"] = new OpenApiHeader { Description = "Seconds.", Schema = new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1" } },
                } : null,
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/problem+json"] = new() { Schema = new OpenApiSchemaReference(Schema, document), Example = Example(status, words) },
                },
            };
        }
        foreach (var unused in document.Components.Responses.Keys.Except(UsedIn(document)).ToList())
            document.Components.Responses.Remove(unused);
    }

    private static HashSet<string> UsedIn(OpenApiDocument document) =>
        [.. document.Paths.Values.SelectMany(path => path.Operations?.Values ?? Enumerable.Empty<OpenApiOperation>()).SelectMany(operation => operation.Responses!.Values)
            .OfType<OpenApiResponseReference>().Select(reference => reference.Reference.Id!)];

    private static OpenApiSchema ProblemSchema() => new()
    {
        Type = JsonSchemaType.Object,
        Description = "What went wrong (RFC 9457). Further members tell more about some errors, such as the run's id or its status.",
        Required = new HashSet<string> { "type", "title", "status", "detail" },
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["type"] = Text("Where the status is explained."),
            ["title"] = Text("What the status is called."),
            ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Description = "The status of the answer.", Minimum = "400", Maximum = "599" },
            ["detail"] = Text("What went wrong, for people."),
            ["code"] = Text("A stable word to branch on; not every error has one."),
            ["traceId"] = Text("By it the log lines of the request are found."),
            ["errors"] = new OpenApiSchema
            {
                Type = JsonSchemaType.Array,
                Description = "The fields at fault.",
                Items = new OpenApiSchema
                {
                    Type = JsonSchemaType.Object,
                    Required = new HashSet<string> { "path", "message" },
                    Properties = new Dictionary<string, IOpenApiSchema>
                    {
                        ["path"] = Text("JSON path in the body (`$.steps[0].piece`), or the name of a parameter or header."),
                        ["message"] = Text("What is wrong with it."),
                    },
                },
            },
        },
    };

    private static OpenApiSchema Text(string means) => new() { Type = JsonSchemaType.String, Description = means };

    private static JsonObject Example(int status, Words words)
    {
        var problem = new JsonObject
        {
            ["type"] = status == 429 ? "https://tools.ietf.org/html/rfc6585#section-4" : "https://tools.ietf.org/html/rfc9110#section-15." + (status < 500 ? $"5.{status - 399}" : $"6.{status - 499}"),
            ["title"] = ReasonPhrases.GetReasonPhrase(status),
            ["status"] = status,
            ["detail"] = words.Detail,
            ["traceId"] = "4bf92f3577b34da6a3ce929d0e0e4736",
        };
        if (words.Code is not null)
            problem["code"] = words.Code;
        if (words.Path is not null)
            problem["errors"] = new JsonArray(new JsonObject { ["path"] = words.Path, ["message"] = words.Detail });
        return problem;
    }
}
