using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Flows.Api.Access;
using Flows.Api.Audit;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Flows.Api.Reference;

/// <summary>Describes one operation by what its endpoint says of itself.</summary>
internal static partial class OperationDescription
{
    public static Task DescribeAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancel)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var (method, path) = (context.Description.HttpMethod ?? "GET", "/" + Constraint().Replace(context.Description.RelativePath ?? "", "{$1}"));
        IReadOnlyList<Permission> required = [.. metadata.OfType<RequiredPermission>().Select(each => each.Permission)];
        operation.OperationId = OperationNames.Of(method, path);
        operation.Description = Text(operation.Description, metadata, required, method);
        AddParameters(operation, metadata, path);
        AddBody(operation, metadata);
        AddAnswers(operation, metadata);
        AddErrors(operation, metadata, required, method, context.Document!);
        AddSecurity(operation, required, method, context.Document!);
        return Task.CompletedTask;
    }

    private static string Text(string? own, IList<object> metadata, IReadOnlyList<Permission> required, string method)
    {
        var text = new StringBuilder();
        own ??= metadata.OfType<MethodInfo>().FirstOrDefault() is { } handler ? DocComments.SummaryOf(handler) : null;
        if (!string.IsNullOrEmpty(own))
            text.Append(own).Append("\n\n");
        if (required.Count > 0)
        {
            var roles = Enum.GetValues<Role>().Where(role => required.All(each => Permissions.Of(role).Has(each)));
            text.Append("Needs the permission ").AppendJoin(" and ", required.Select(each => $"`{Permissions.NameOf(each)}`")).Append(" (").AppendJoin(", ", roles).Append(").");
        }
        else if (metadata.OfType<AnonymousBecause>().FirstOrDefault() is { } open)
        {
            text.Append("Needs no credential of Flows. ").Append(open.Reason);
        }
        if (method != "GET" && metadata.OfType<Audited>().FirstOrDefault() is { } audited)
            text.Append(" In the audit log as `").Append(audited.Action).Append("`.");
        return text.ToString();
    }

    private static void AddParameters(OpenApiOperation operation, IList<object> metadata, string path)
    {
        foreach (var parameter in operation.Parameters?.OfType<OpenApiParameter>() ?? [])
        {
            ParameterWords.Describe(parameter, path);
            if (parameter.In == ParameterLocation.Query && parameter.Name is { } name)
                parameter.Name = char.ToLowerInvariant(name[0]) + name[1..];
        }
        foreach (var header in metadata.OfType<ReadsHeader>())
        {
            (operation.Parameters ??= []).Add(new OpenApiParameter
            {
                Name = header.Name,
                In = ParameterLocation.Header,
                Description = header.Means,
                Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                Example = JsonValue.Create(header.Example),
            });
        }
    }

    private static void AddBody(OpenApiOperation operation, IList<object> metadata)
    {
        if (metadata.OfType<ReadsBody>().FirstOrDefault() is not { } body)
            return;
        operation.RequestBody = new OpenApiRequestBody
        {
            Description = body.Means,
            Required = body.IsRequired,
            Content = new Dictionary<string, OpenApiMediaType> { [body.ContentType] = MediaOf(body.ContentType, body.Example) },
        };
    }

    private static void AddAnswers(OpenApiOperation operation, IList<object> metadata)
    {
        operation.Responses ??= [];
        foreach (var answer in metadata.OfType<AnswersWith>())
        {
            var key = $"{answer.Status}";
            if (!operation.Responses.TryGetValue(key, out var found) || found is not OpenApiResponse response)
                operation.Responses[key] = response = new OpenApiResponse();
            response.Description = answer.Means;
            response.Content ??= new Dictionary<string, OpenApiMediaType>();
            response.Content[answer.ContentType] = MediaOf(answer.ContentType, answer.Example);
        }
    }

    private static OpenApiMediaType MediaOf(string contentType, string example) => contentType.Contains("json", StringComparison.Ordinal)
        ? new() { Schema = new OpenApiSchema(), Example = JsonNode.Parse(example) }
        : new() { Schema = new OpenApiSchema { Type = JsonSchemaType.String }, Example = JsonValue.Create(example) };

    private static void AddErrors(OpenApiOperation operation, IList<object> metadata, IReadOnlyList<Permission> required, string method, OpenApiDocument document)
    {
        var responses = operation.Responses!;
        // 415 is routing's, which looks at the types that a handler's body takes; an endpoint that reads its body itself takes any.
        var (binds, reads) = (operation.RequestBody is not null && !metadata.OfType<ReadsBody>().Any(), operation.RequestBody is not null);
        var isOfProject = required.Any(each => each != Permission.OwnAccount);
        var errors = responses.Keys.Where(ErrorResponses.Knows).Select(int.Parse).Concat(metadata.OfType<MayRefuse>().SelectMany(each => each.Statuses)).ToHashSet();
        if (required.Count > 0)
            errors.Add(401);
        if (isOfProject || (required.Count > 0 && method != "GET"))
            errors.Add(403);
        // Whoever has several projects and names none, or names one that is not his.
        if (isOfProject)
            errors.UnionWith([400, 404]);
        if (reads || operation.Parameters is { Count: > 0 })
            errors.Add(400);
        if (reads)
            errors.Add(413);
        if (binds)
            errors.Add(415);
        if (!metadata.OfType<WorksWithoutDatabase>().Any())
            errors.Add(503);
        foreach (var status in errors)
            responses[$"{status}"] = ErrorResponses.Reference(status, document);
        var sorted = responses.OrderBy(response => response.Key, StringComparer.Ordinal).ToList();
        responses.Clear();
        foreach (var (status, response) in sorted)
            responses.Add(status, response);
    }

    private static void AddSecurity(OpenApiOperation operation, IReadOnlyList<Permission> required, string method, OpenApiDocument document)
    {
        if (required.Count == 0)
        {
            operation.Security = [];
            return;
        }
        var session = new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(ApiDescription.SessionScheme, document)] = [] };
        if (method != "GET")
            session[new OpenApiSecuritySchemeReference(ApiDescription.CsrfScheme, document)] = [];
        operation.Security = [new() { [new OpenApiSecuritySchemeReference(ApiDescription.KeyScheme, document)] = [] }, session];
        (operation.Extensions ??= new Dictionary<string, IOpenApiExtension>())["x-permissions"] =
            new JsonNodeExtension(new JsonArray([.. required.Select(each => (JsonNode)Permissions.NameOf(each))]));
    }

    [GeneratedRegex(@"\{\*{0,2}(\w+)(:[^}]*)?\}")]
    private static partial Regex Constraint();
}
