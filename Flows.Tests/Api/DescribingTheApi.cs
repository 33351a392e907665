using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Flows.Api.Access;
using Flows.Api.Reference;
using Flows.Tests.Language;
using Json.Schema;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace Flows.Tests.Api;

/// <summary>The document that the API serves of itself. Nothing here names an operation: a new one is in it, and has to be described.</summary>
[Collection(Platform.Apis)]
public sealed partial class DescribingTheApi(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private readonly ApiHost _api = fixture.Api;
    private string _text = "";
    private JsonObject _document = null!;

    public async Task InitializeAsync()
    {
        _text = (await _api.GetAsync("/openapi/v1.json", key: null)).Ok().Text;
        _document = JsonNode.Parse(_text)!.AsObject();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public void Every_operation_is_described_completely()
    {
        var tags = _document["tags"]!.AsArray().ToDictionary(tag => (string)tag!["name"]!, tag => (string?)tag!["description"]);
        var lacks = new List<string>();
        foreach (var (operation, path, method) in Operations())
        {
            void Lacks(string what) => lacks.Add($"{method} {path}: {what}");
            if (TextOf(operation["summary"]).Length < 8)
                Lacks("a summary (.WithSummary)");
            if (TextOf(operation["description"]).Length < 20)
                Lacks("a description (.WithDescription, a permission, or why it is open)");
            if (TextOf(operation["operationId"]).Length < 3)
                Lacks("an operationId");
            if (operation["tags"]?.AsArray() is not [{ } tag] || !tags.TryGetValue((string)tag!, out var means) || string.IsNullOrEmpty(means))
                Lacks("one tag that the table Tags describes (Flows.Api/Reference/ApiDescription.cs)");
            foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
            {
                if (TextOf(parameter!["description"]).Length < 8)
                    Lacks($"words for the parameter {parameter["name"]} (Flows.Api/Reference/ParameterWords.cs)");
                if (TypesOf(parameter["schema"]).Contains("integer") && parameter["schema"]!["minimum"] is null)
                    Lacks($"the limits of the parameter {parameter["name"]} (Flows.Api/Reference/ParameterWords.cs)");
                if ((bool?)parameter["required"] == true && parameter["example"] is null)
                    Lacks($"an example of the parameter {parameter["name"]} (Flows.Api/Reference/ParameterWords.cs)");
            }
            if (operation["requestBody"] is { } body)
                CheckContent(body, "body", Lacks);
            var responses = operation["responses"]!.AsObject();
            var good = responses.Where(response => response.Key[0] is '2' or '3').ToList();
            if (good.Count == 0)
                Lacks("an answer that is no error");
            foreach (var (status, response) in good)
            {
                if (TextOf(response!["description"]).Length == 0)
                    Lacks($"words for the answer {status}");
                if (response["content"] is not null)
                    CheckContent(response, $"answer {status}", Lacks);
                else if (status == "200")
                    Lacks("what the answer 200 is (typed results, .Produces, or .Answers)");
            }
            foreach (var (status, response) in responses.Where(response => response.Key[0] is '4' or '5'))
            {
                if (!TextOf(response!["$ref"]).EndsWith($"/Problem{status}", StringComparison.Ordinal))
                    Lacks($"words for the error {status} (Flows.Api/Reference/ErrorResponses.cs)");
            }
        }
        foreach (var (type, schema) in _document["components"]!["schemas"]!.AsObject())
        {
            foreach (var (field, property) in schema!["properties"]?.AsObject() ?? [])
            {
                if (TextOf(property!["description"]).Length == 0)
                    lacks.Add($"{type}.{field}: words for it (a doc comment, or Flows.Api/Reference/FieldWords.cs)");
            }
        }
        Assert.True(lacks.Count == 0, string.Join("\n", lacks));
    }

    [Fact]
    public void Every_operation_names_its_permission_and_the_errors_that_follow_from_what_it_is()
    {
        var routes = ApiRoute.All(_api).Where(IsPublic).ToDictionary(route => (route.Method, Plain(route.Pattern)), route => route);
        var wrong = new List<string>();
        foreach (var (operation, path, method) in Operations())
        {
            var route = routes[(method, path)];
            var permissions = route.Required.Select(Permissions.NameOf).ToList();
            if (!permissions.SequenceEqual(operation["x-permissions"]?.AsArray().Select(name => (string)name!) ?? []))
                wrong.Add($"{method} {path}: it requires {string.Join(", ", permissions)}");
            if ((operation["security"]?.AsArray().Count ?? -1) != (permissions.Count == 0 ? 0 : 2))
                wrong.Add($"{method} {path}: its security is {operation["security"]?.ToJsonString() ?? "not said"}");
            var isOfProject = route.Required.Any(each => each != Permission.OwnAccount);
            var body = operation["requestBody"] is not null;
            int[] expected = [
                .. permissions.Count > 0 ? (int[])[401] : [], .. isOfProject ? (int[])[403, 404] : [], .. body ? (int[])[400, 413] : [],
                .. body && route.Endpoint.Metadata.GetMetadata<IAcceptsMetadata>() is not null ? (int[])[415] : [], 503];
            var missing = expected.Except(operation["responses"]!.AsObject().Select(response => int.Parse(response.Key))).ToList();
            if (missing.Count > 0)
                wrong.Add($"{method} {path}: it may answer {string.Join(", ", missing)} too");
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void Every_route_for_callers_is_in_it_and_none_for_workers()
    {
        var described = Operations().Select(operation => (operation.Method, operation.Path)).ToHashSet();
        var routes = ApiRoute.All(_api).ToList();
        var silent = routes.Where(route => IsPublic(route) && (route.Endpoint.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>() is not { ExcludeFromDescription: true })
            && !described.Contains((route.Method, Plain(route.Pattern))));
        Assert.True(!silent.Any(), string.Join("\n", silent));
        Assert.Equal([], routes.Where(route => route.IsForWorkers && described.Contains((route.Method, Plain(route.Pattern)))).Select(route => $"{route}"));
        Assert.DoesNotContain("/internal", _text, StringComparison.Ordinal);
        Assert.All(["/webhooks/{flowId}", "/webhooks/{flowId}/sync", "/resume/{token}", "/approve/{token}", "/api/v1/runs/{runId}/events"], path => Assert.Contains(described, each => each.Path == path));
    }

    [Fact]
    public void It_is_a_valid_document_with_names_that_are_unique_and_references_that_lead_somewhere()
    {
        var read = OpenApiDocument.Parse(_text, "json");
        Assert.Equal([], read.Diagnostic!.Errors.Select(error => $"{error.Pointer}: {error.Message}"));
        Assert.Equal([], Operations().GroupBy(operation => (string?)operation.Operation["operationId"]).Where(group => group.Count() > 1).Select(group => group.Key));
        var lost = References(_document).Distinct().Where(reference => !reference.StartsWith("#/", StringComparison.Ordinal)
            || reference[2..].Split('/').Aggregate((JsonNode?)_document, (node, part) => (node as JsonObject)?[part]) is null);
        Assert.True(!lost.Any(), string.Join("\n", lost));
        // Everything that is declared is used: nothing of what workers say to the API is left in it.
        var used = References(_document).Select(reference => reference.Split('/')[^1]).ToHashSet();
        Assert.Equal([], _document["components"]!["schemas"]!.AsObject().Select(schema => schema.Key).Where(name => !used.Contains(name)));
    }

    [Fact]
    public void Every_example_is_what_its_schema_allows()
    {
        var definitions = Rebased(_document["components"]!["schemas"]!);
        var options = new EvaluationOptions { OutputFormat = OutputFormat.List, RequireFormatValidation = true };
        var wrong = new List<string>();
        var seen = 0;
        foreach (var (place, schema, example) in Examples())
        {
            seen++;
            var whole = Rebased(schema).AsObject();
            whole["$defs"] = definitions.DeepClone();
            var result = JsonSchema.FromText(whole.ToJsonString()).Evaluate(JsonSerializer.SerializeToElement(example), options);
            if (!result.IsValid)
                wrong.Add($"{place}: {string.Join("; ", result.Details.Where(detail => detail.HasErrors).SelectMany(detail => detail.Errors!.Select(error => $"{detail.InstanceLocation} {error.Value}")))}");
            if (Texts(example).Any(text => text == ExampleValues.Unknown))
                wrong.Add($"{place}: a field of it has no value in Flows.Api/Reference/ExampleValues.cs: {example!.ToJsonString()}");
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
        Assert.True(seen > 150, $"{seen} examples");
    }

    private IEnumerable<(JsonObject Operation, string Path, string Method)> Operations() =>
        from path in _document["paths"]!.AsObject()
        from operation in path.Value!.AsObject()
        select (operation.Value!.AsObject(), path.Key, operation.Key.ToUpperInvariant());

    private IEnumerable<(string Place, JsonNode Schema, JsonNode? Example)> Examples()
    {
        foreach (var (operation, path, method) in Operations())
        {
            foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
            {
                if (parameter!["example"] is { } example)
                    yield return ($"{method} {path} {parameter["name"]}", parameter["schema"]!, example);
            }
            foreach (var (place, holder) in operation["responses"]!.AsObject().Select(response => (response.Key, response.Value)).Append(("body", operation["requestBody"])))
            {
                foreach (var (type, media) in holder?["content"]?.AsObject() ?? [])
                    yield return ($"{method} {path} {place} {type}", media!["schema"] ?? new JsonObject(), media["example"]);
            }
        }
        foreach (var (name, response) in _document["components"]!["responses"]!.AsObject())
            yield return (name, response!["content"]!["application/problem+json"]!["schema"]!, response["content"]!["application/problem+json"]!["example"]);
    }

    private static void CheckContent(JsonNode holder, string what, Action<string> lacks)
    {
        if (holder["content"]?.AsObject() is not { Count: > 0 } content)
        {
            lacks($"the content of its {what}");
            return;
        }
        foreach (var (type, media) in content)
        {
            if (media!["schema"] is null)
                lacks($"the schema of its {what} ({type})");
            if (!media.AsObject().ContainsKey("example"))
                lacks($"an example of its {what} ({type}): Flows.Api/Reference/ExampleValues.cs");
        }
    }

    // What callers use: everything under /api/v1, and the links that are credentials themselves.
    private static bool IsPublic(ApiRoute route) => !route.IsForWorkers
        && (string[])["/api/v1/", "/webhooks/", "/resume/", "/approve/"] is var starts && starts.Any(start => route.Pattern.StartsWith(start, StringComparison.Ordinal))
        && (route.Required.Count > 0 || route.Endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
        && route.Endpoint.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>() is not { ExcludeFromDescription: true };

    private static string Plain(string pattern) => Constraint().Replace(pattern, "{$1}").TrimEnd('/');

    private static JsonNode Rebased(JsonNode schema) => JsonNode.Parse(schema.ToJsonString().Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal))!;

    private static string TextOf(JsonNode? node) => (string?)node ?? "";

    private static IEnumerable<string> TypesOf(JsonNode? schema) => schema?["type"] switch
    {
        JsonArray types => types.Select(type => (string)type!),
        JsonValue type => [(string)type!],
        _ => [],
    };

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(property => property is { Key: "$ref", Value: JsonValue value } ? [(string)value!] : property.Key is "example" ? [] : References(property.Value)),
        JsonArray a => a.SelectMany(References),
        _ => [],
    };

    private static IEnumerable<string> Texts(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(property => Texts(property.Value)),
        JsonArray a => a.SelectMany(Texts),
        JsonValue v when v.TryGetValue<string>(out var text) => [text],
        _ => [],
    };

    [GeneratedRegex(@"\{\*{0,2}(\w+)(:[^}]*)?\}")]
    private static partial Regex Constraint();
}
