using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.OpenAi;

/// <summary>Any service with the chat completions of OpenAI: https://platform.openai.com/docs/api-reference/chat</summary>
internal sealed partial class OpenAiPiece() : Piece("openai", "OpenAI-compatible chat", "Asks a language model of OpenAI, or of any service that speaks its protocol.")
{
    private const string Address = "https://api.openai.com/v1";

    private static readonly WebApi s_model = new("The model's service", body => WebAnswer.TextAt(body, "error", "message"));

    public override AuthDescription Auth { get; } = new("custom", "Service and key", null,
    [
        Prop.Text("baseUrl", "Base URL", help: "Up to and with /v1.", otherwise: Address),
        Prop.Secret("apiKey", "API key", required: true),
    ]);

    public override IReadOnlyList<PieceAction> Actions => [new Chat()];

    internal sealed record ChatInput(string Model, string Prompt, string? System, double? Temperature, long? MaxTokens, bool AsJson);
    internal sealed record ChatOutput(string Text, string Model, string FinishReason, Usage Usage);
    internal sealed record Usage(Value PromptTokens, Value CompletionTokens);

    // Asking again costs money and changes nothing elsewhere.
    private sealed class Chat() : PieceAction<ChatInput, ChatOutput>(
        "chat", "Ask a model", "Sends a prompt and gives the model's answer.", StepEffect.Idempotent, OpenAiJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("model", "Model", required: true),
            Prop.Multiline("prompt", "Prompt", required: true),
            Prop.Multiline("system", "System message"),
            Prop.Number("temperature", "Temperature", help: "0 to 2."),
            Prop.Integer("maxTokens", "Most tokens of the answer"),
            Prop.Flag("asJson", "Answer as a JSON object", otherwise: false, help: "The prompt has to ask for JSON as well."),
        ];

        protected override async Task<ChatOutput> RunAsync(ChatInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Temperature is < 0 or > 2)
                throw PieceException.Input("'temperature' must be from 0 to 2.");
            if (input.MaxTokens is < 1)
                throw PieceException.Input("'maxTokens' must be at least 1.");
            if (!Uri.TryCreate(ConnectionOf.Field(context, "baseUrl", Address).TrimEnd('/') + "/chat/completions", UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
                throw PieceException.Input("the field 'baseUrl' of the connection must be an address that begins with http:// or https://.");

            var request = new HttpRequestMessage(HttpMethod.Post, url)
            {
                Content = WebApi.Json(
                    new("model", Value.Of(input.Model)),
                    new("messages", ValueList.Of([.. input.System is null ? Array.Empty<Value>() : [Message("system", input.System)], Message("user", input.Prompt)])),
                    new("temperature", input.Temperature is { } temperature ? Value.Of(temperature) : Value.Null),
                    new("max_tokens", input.MaxTokens is { } most ? Value.Of(most) : Value.Null),
                    new("response_format", input.AsJson ? ValueObject.Of([new("type", Value.Of("json_object"))]) : Value.Null)),
            };
            request.Headers.Authorization = ConnectionOf.Bearer(context, "apiKey");
            var answer = await s_model.SendAsync(request, context, cancel);
            if (answer["choices"] is not { Kind: ValueKind.List } choices || choices.AsList.Count == 0)
                throw s_model.Refused("its answer holds no choice", transient: false);
            var first = choices.AsList[0];
            return new ChatOutput(
                WebAnswer.TextAt(first, "message", "content") ?? "", WebAnswer.TextAt(answer.Body, "model") ?? input.Model, WebAnswer.TextAt(first, "finish_reason") ?? "",
                new Usage(answer["usage", "prompt_tokens"], answer["usage", "completion_tokens"]));
        }

        private static Value Message(string role, string content) => ValueObject.Of([new("role", Value.Of(role)), new("content", Value.Of(content))]);
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(ChatInput))]
    [JsonSerializable(typeof(ChatOutput))]
    private sealed partial class OpenAiJson : JsonSerializerContext;
}
