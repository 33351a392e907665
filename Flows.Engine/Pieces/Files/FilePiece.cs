using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Files;

/// <summary>Makes files of data and data of files. Nobody outside of the run can tell that a file was written, so both are pure.</summary>
internal sealed partial class FilePiece() : Piece("file", "Files", "Writes and reads files of the run.")
{
    public override IReadOnlyList<PieceAction> Actions => [new Read(), new Write()];

    internal sealed record ReadInput(Value File, string As, string Encoding);
    internal sealed record WriteInput(string Name, Value Content, string From, string? Type);

    private sealed class Read() : PieceAction<ReadInput, Value>(
        "read", "Read a file", "The content of a file, as text, JSON or base64.", StepEffect.Pure, FilesJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Any("file", "File", required: true, help: "A file that a step or the trigger gave, or its id."),
            Prop.Select("as", "Read it as", ["text", "json", "base64"], "text"),
            Prop.Text("encoding", "Encoding of the text", otherwise: "utf-8", help: "Such as windows-1252 or utf-16. For text and JSON."),
        ];

        protected override async Task<Value> RunAsync(ReadInput input, PieceContext context, CancellationToken cancel)
        {
            var file = await context.Files.FindAsync("file", input.File, cancel);
            var bytes = await context.Files.ReadAllAsync(file, context.MaxBytes, cancel);
            if (input.As == "base64")
                return Value.Of(Convert.ToBase64String(bytes));
            var encoding = Charsets.Find(input.Encoding) ?? throw PieceException.Input($"'encoding' must be one such as utf-8 or windows-1252; found {ValueText.Of(Value.Of(input.Encoding))}.");
            if (!Charsets.TryRead(encoding, bytes, out var text))
                throw PieceException.Input($"'file': '{file.Name}' is not text in {encoding.WebName}; with another 'encoding' it may be, and read as base64 any file can.");
            switch (input.As)
            {
                case "json":
                    try
                    {
                        return Value.FromJson(Encoding.UTF8.GetBytes(text));
                    }
                    catch (JsonException error)
                    {
                        throw Value.LimitOf(Encoding.UTF8.GetBytes(text)) is { } limit
                            ? PieceException.Final($"'file': '{file.Name}' cannot be taken in: {limit}.", StepErrorCodes.Limit)
                            : PieceException.Input($"'file': '{file.Name}' is not JSON ({error.Message.TrimEnd('.')}).");
                    }
                default:
                    return Value.Of(text);
            }
        }
    }

    private sealed class Write() : PieceAction<WriteInput, FileReference>(
        "write", "Write a file", "Makes a file of text, JSON or base64, for other steps and for download.", StepEffect.Pure, FilesJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("name", "Name", required: true, help: "Such as report.csv."),
            Prop.Any("content", "Content", help: "A text, or any value for JSON."),
            Prop.Select("from", "The content is", ["auto", "text", "json", "base64"], "auto", help: "auto: text as text, anything else as JSON."),
            Prop.Text("type", "Media type", help: "Such as text/csv. By the kind of the content when left out."),
        ];

        protected override async Task<FileReference> RunAsync(WriteInput input, PieceContext context, CancellationToken cancel)
        {
            var kind = input.From == "auto" ? input.Content.IsText ? "text" : "json" : input.From;
            var bytes = BytesOf(kind, input.Content, context.Calls);
            if (input.Type is { } type && !System.Net.Http.Headers.MediaTypeHeaderValue.TryParse(type, out _))
                throw PieceException.Input($"'type' must be a media type such as text/csv; found {ValueText.Of(Value.Of(type))}.");
            using var content = new MemoryStream(bytes, writable: false);
            return await context.Files.WriteAsync(input.Name, input.Type ?? TypeOf(kind), content, cancel);
        }

        private static byte[] BytesOf(string kind, Value content, HostCaller calls)
        {
            switch (kind)
            {
                case "json":
                    return calls.Hide(content.ToRawJson()).Utf8.ToArray();
                case "text":
                    return Encoding.UTF8.GetBytes(content.IsNull ? "" : calls.Hide(content.ToString()));
                default:
                    try
                    {
                        return Convert.FromBase64String(content.IsText ? content.AsText : throw new FormatException());
                    }
                    catch (FormatException)
                    {
                        throw PieceException.Input($"'content' must be base64 when 'from' is base64; found {ValueText.Of(content)}.");
                    }
            }
        }

        private static string TypeOf(string kind) => kind switch
        {
            "text" => "text/plain; charset=utf-8",
            "json" => "application/json",
            _ => "application/octet-stream",
        };
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(ReadInput))]
    [JsonSerializable(typeof(WriteInput))]
    [JsonSerializable(typeof(FileReference))]
    private sealed partial class FilesJson : JsonSerializerContext;
}
