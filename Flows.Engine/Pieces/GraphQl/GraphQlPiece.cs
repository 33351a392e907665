using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces.Http;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.GraphQl;

/// <summary>Asks a GraphQL service over HTTP (https://graphql.github.io/graphql-over-http/).</summary>
internal sealed partial class GraphQlPiece() : Piece("graphql", "GraphQL", "Sends queries and mutations to any GraphQL service.")
{
    public override IReadOnlyList<PieceAction> Actions => [new Request()];

    internal sealed record RequestInput(
        string Url, string Query, Value Variables, string? OperationName, Value Headers, string? Token, string Timeout, bool FailOnErrors);

    internal sealed record RequestOutput(Value Data, Value Errors, Value Extensions);

    private sealed partial class Request() : PieceAction<RequestInput, RequestOutput>(
        "request", "Send a request", "Sends a query or a mutation, and gives its data.", effect: null, GraphQlJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("url", "URL", required: true, help: "Begins with http:// or https://."),
            Prop.Multiline("query", "Query", required: true, help: "Values belong in the variables, not in this text."),
            Prop.Pairs("variables", "Variables"),
            Prop.Text("operationName", "Operation", help: "Which of several operations in the query."),
            Prop.Pairs("headers", "Headers"),
            Prop.Secret("token", "Bearer token"),
            Prop.Duration("timeout", "Timeout", "00:00:30"),
            Prop.Flag("failOnErrors", "Fail when the answer has errors", otherwise: true),
        ];

        protected override StepEffect EffectOf(RequestInput input) => Mutation().IsMatch(WithoutTexts().Replace(input.Query, " ")) ? StepEffect.Effect : StepEffect.Idempotent;

        protected override async Task<RequestOutput> RunAsync(RequestInput input, PieceContext context, CancellationToken cancel)
        {
            var body = new List<KeyValuePair<string, Value>> { new("query", Value.Of(input.Query)) };
            if (!input.Variables.IsNull)
                body.Add(new("variables", input.Variables));
            if (input.OperationName is { } operation)
                body.Add(new("operationName", Value.Of(operation)));
            var call = new HttpPiece.RequestInput(
                "POST", input.Url, Value.Null, WithAccept(input.Headers), "json", ValueObject.Of(body), input.Token is null ? "none" : "bearer", null, null, input.Token,
                input.Timeout, FollowRedirects: true, "auto", FailOnError: false, Pages: 1, null, null);
            var request = OutgoingRequest.From(call, await OutgoingBody.FromAsync(call, context.Files, cancel), context.IdempotencyKey);
            var answer = await HttpExchange.SendAsync(request, call, context, cancel);
            return Read(input, request, answer, context.Clock);
        }

        // A service may answer a request that it refuses with 200 or with 4xx; either way the body says why.
        private static RequestOutput Read(RequestInput input, OutgoingRequest request, HttpPiece.RequestOutput answer, TimeProvider clock)
        {
            var where = HttpExchange.Shown(request.Url);
            if (answer.Body.Kind != ValueKind.Object || (At(answer.Body, "data").IsNull && At(answer.Body, "errors").IsNull))
            {
                var message = $"{where} answered with status {answer.Status} and nothing of GraphQL.";
                var wait = AskedWait.Of(answer.Headers.GetValueOrDefault("retry-after"), clock);
                throw answer.Status is 408 or 429 or >= 500
                    ? PieceException.Transient(message, "http_5xx", ValueObject.Of([new("status", Value.Of(answer.Status)), .. AskedWait.Properties(wait)]).ToRawJson())
                    : PieceException.Final(message, "http_body");
            }
            var errors = At(answer.Body, "errors");
            if (input.FailOnErrors && errors.Kind == ValueKind.List && errors.AsList.Count > 0)
            {
                var first = errors.AsList[0].Kind == ValueKind.Object ? At(errors.AsList[0], "message").ToString() : errors.AsList[0].ToString();
                var message = $"{where} answered with {errors.AsList.Count} errors; the first: {ValueText.Of(Value.Of(first))}.";
                throw answer.Status is 429 or >= 500 ? PieceException.Transient(message, "graphql", answer.Body.ToRawJson()) : PieceException.Final(message, "graphql", answer.Body.ToRawJson());
            }
            return new RequestOutput(At(answer.Body, "data"), errors, At(answer.Body, "extensions"));
        }

        private static Value At(Value value, string name) => value.AsObject.TryGet(name, out var found) ? found : Value.Null;

        private static Value WithAccept(Value headers)
        {
            var all = new ValueObject.Builder();
            all.Set("Accept", Value.Of("application/graphql-response+json, application/json;q=0.9"));
            if (headers.Kind == ValueKind.Object)
                all.SetAll(headers.AsObject);
            return Value.Of(all.ToObject());
        }

        [GeneratedRegex("\"\"\".*?\"\"\"|\"(?:\\\\.|[^\"\\\\\n])*\"|#[^\n]*", RegexOptions.Singleline, matchTimeoutMilliseconds: 1000)]
        private static partial Regex WithoutTexts();

        [GeneratedRegex(@"(^|})\s*(mutation|subscription)\b", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
        private static partial Regex Mutation();
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(RequestInput))]
    [JsonSerializable(typeof(RequestOutput))]
    private sealed partial class GraphQlJson : JsonSerializerContext;
}
