using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Http;

/// <summary>Calls any HTTP service.</summary>
internal sealed partial class HttpPiece() : Piece("http", "HTTP", "Sends requests to any HTTP service.")
{
    public override IReadOnlyList<PieceAction> Actions => [new Request()];

    internal sealed record RequestInput(
        string Method, string Url, Value Query, Value Headers, string BodyType, Value Body,
        string Auth, string? Username, string? Password, string? Token,
        string Timeout, bool FollowRedirects, string Response, bool FailOnError, int Pages, string? NextAt, string? ItemsAt);

    /// <param name="Headers">By lower-case name; several values of one name are joined with commas.</param>
    internal sealed record RequestOutput(int Status, IReadOnlyDictionary<string, string> Headers, Value Body);

    private sealed class Request() : PieceAction<RequestInput, RequestOutput>(
        "request", "Send a request", "Sends an HTTP request and gives status, headers and body of the answer.", effect: null, HttpJson.Default)
    {
        private static readonly string[] s_repeatable = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"];

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Select("method", "Method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"], "GET"),
            Prop.Text("url", "URL", required: true, help: "Begins with http:// or https://."),
            Prop.Pairs("query", "Query", help: "Added to the URL. A list repeats the name; null leaves it out."),
            Prop.Pairs("headers", "Headers"),
            Prop.Select("bodyType", "Body type", ["auto", "none", "json", "form", "multipart", "text", "raw", "file"], "auto",
                help: "auto: text as text, a file as file, anything else as JSON. raw: base64 of the bytes. multipart: an object of fields, files among them."),
            Prop.Any("body", "Body"),
            Prop.Select("auth", "Authentication", ["none", "basic", "bearer"], "none"),
            Prop.Text("username", "User name", help: "For basic."),
            Prop.Secret("password", "Password", help: "For basic."),
            Prop.Secret("token", "Token", help: "For bearer."),
            Prop.Duration("timeout", "Timeout", "00:00:30", help: "For the whole exchange, redirects and body included."),
            Prop.Flag("followRedirects", "Follow redirects", otherwise: true, help: "Up to 10. Another host gets no credentials."),
            Prop.Select("response", "Read the answer as", ["auto", "json", "text", "base64", "file"], "auto", help: "auto: by its content type. file: kept as a file of the run, of any length up to the file limit."),
            Prop.Flag("failOnError", "Fail on status 400 and above", otherwise: true),
            Prop.Integer("pages", "Pages, at most", otherwise: 1, help: $"More than 1: the pages of a list are followed, and the body is the list of all their items. At most {NextPage.MostPages}."),
            Prop.Text("nextAt", "Next page at", help: "Where the body names the next page, such as paging.next. Left out: the header Link."),
            Prop.Text("itemsAt", "Items at", help: "Where a page has its items, such as data. Left out: the page is the list."),
        ];

        protected override StepEffect EffectOf(RequestInput input) =>
            s_repeatable.Contains(input.Method) ? StepEffect.Idempotent : StepEffect.Effect;

        protected override async Task<RequestOutput> RunAsync(RequestInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Pages is < 1 or > NextPage.MostPages)
                throw PieceException.Input($"'pages' must be from 1 to {NextPage.MostPages}; found {input.Pages}.");
            if (input.Pages > 1 && (input.Method != "GET" || input.Response is "base64" or "file"))
                throw PieceException.Input("'pages' may be more than 1 only where the method is GET and the answer is JSON.");
            var request = OutgoingRequest.From(input, await OutgoingBody.FromAsync(input, context.Files, cancel), context.IdempotencyKey);
            return input.Pages == 1 ? await SendAsync(request, input, context, cancel) : await FollowAsync(request, input, context, cancel);
        }

        // The last page's status and headers, and the items of all of them.
        private static async Task<RequestOutput> FollowAsync(OutgoingRequest request, RequestInput input, PieceContext context, CancellationToken cancel)
        {
            var items = new List<Value>();
            var weight = 0L;
            for (var number = 1; ; number++)
            {
                var page = await SendAsync(request, input, context, cancel);
                var found = NextPage.ItemsOf(page, request.Url, input.ItemsAt);
                items.AddRange(found);
                if ((weight += found.Weight) > context.MaxBytes)
                    throw PieceException.Final($"the pages have more than {context.MaxBytes} bytes together, which is the largest output a step may have (limit: Flows__Limits__PayloadMiB).", "limit");
                if (number == input.Pages || NextPage.Of(page, request.Url, input.NextAt) is not { } next)
                    return page with { Body = ValueList.Of(items) };
                // As with a redirect: another host gets no credentials.
                request = request.RedirectedTo(next, 307);
            }
        }

        private static async Task<RequestOutput> SendAsync(OutgoingRequest request, RequestInput input, PieceContext context, CancellationToken cancel)
        {
            var answer = await HttpExchange.SendAsync(request, input, context, cancel);
            return input.FailOnError && answer.Status >= 400 ? throw Refused(request, answer, context.Clock) : answer;
        }

        private static PieceException Refused(OutgoingRequest request, RequestOutput answer, TimeProvider clock)
        {
            var wait = AskedWait.Of(answer.Headers.GetValueOrDefault("retry-after"), clock);
            var message = $"{request.Method} {HttpExchange.Shown(request.Url)} answered with status {answer.Status}{AskedWait.Words(wait)}.";
            var detail = ValueObject.Of([new("status", Value.Of(answer.Status)), new("body", Shortened(answer.Body)), .. AskedWait.Properties(wait)]).ToRawJson();
            var code = answer.Status < 500 ? "http_4xx" : "http_5xx";
            return answer.Status is 408 or 429 or >= 500
                ? PieceException.Transient(message, code, detail)
                : PieceException.Final(message, code, detail);
        }

        // An error is shown in lists and mails: what a service says of it stands at the beginning.
        private static Value Shortened(Value body)
        {
            const int longest = 16 * 1024;
            if (body.Weight <= longest)
                return body;
            var text = body.ToString();
            return Value.Of(text[..Math.Min(text.Length, longest)] + "…");
        }
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(RequestInput))]
    [JsonSerializable(typeof(RequestOutput))]
    private sealed partial class HttpJson : JsonSerializerContext;
}
