using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Text;

/// <summary>Works on texts. Computes only; the rules are those of the functions in docs/expressions.md.</summary>
internal sealed partial class TextPiece() : Piece("text", "Text", "Splits, joins, replaces and rewrites texts.")
{
    private const string Flags = "i: capitals do not count. m: ^ and $ match at lines. s: . matches line ends.";

    public override IReadOnlyList<PieceAction> Actions =>
    [
        new ChangeCase(), new Decode(), new Encode(), new ExtractPattern(), new HtmlToText(), new Join(), new Replace(),
        new Slugify(), new Split(), new Template(), new Trim(), new Truncate(),
    ];

    internal sealed record ChangeCaseInput(string Text, string Case);
    internal sealed record EncodeInput(string Text, string Form);
    internal sealed record ExtractInput(string Text, string Pattern, string Flags);
    /// <param name="Match">All of the first place; null when there is none.</param>
    /// <param name="Groups">The groups of the first place in their order.</param>
    /// <param name="Named">The groups of the first place that have names.</param>
    /// <param name="All">All places.</param>
    internal sealed record ExtractOutput(bool Found, Value Match, Value Groups, Value Named, Value All);
    internal sealed record TextInput(string Text);
    internal sealed record JoinInput(Value Items, string Separator, bool LeaveOutEmpty);
    internal sealed record ReplaceInput(string Text, string Search, string Replacement, string Mode, string Flags);
    internal sealed record SplitInput(string Text, string By, string Separator, bool TrimParts, bool LeaveOutEmpty);
    internal sealed record TemplateInput(string Template, Value Values, string Missing);
    internal sealed record TrimInput(string Text, string Side, bool Collapse);
    internal sealed record TruncateInput(string Text, long Length, string Ending);

    private sealed class ChangeCase() : PieceAction<ChangeCaseInput, Value>(
        "change_case", "Change case", "The text in capital letters, in small ones, or with its words joined.", StepEffect.Pure, TextJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("text", "Text", required: true),
            Prop.Select("case", "Case", ["upper", "lower", "capitalize", "title", "camel", "snake", "kebab"], "lower",
                help: "capitalize: the first letter. title: every word. camel: orderTotal. snake: order_total. kebab: order-total."),
        ];

        protected override Task<Value> RunAsync(ChangeCaseInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(new Formula(input.Case switch
            {
                "upper" => "upper(text)",
                "lower" => "lower(text)",
                "capitalize" => "capitalize(text)",
                "title" => "titleCase(text)",
                "camel" => "camelCase(text)",
                "snake" => "snakeCase(text)",
                _ => "kebabCase(text)",
            }).Of(context, "text", ("text", Value.Of(input.Text))));
    }

    private sealed class Decode() : PieceAction<EncodeInput, Value>(
        "decode", "Decode a text", "What a text in base64, in hexadecimal digits, or from an address or HTML stands for.", StepEffect.Pure, TextJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.Multiline("text", "Text", required: true), Prop.Select("form", "From", ["base64", "base64url", "hex", "url", "html"], "base64")];

        protected override Task<Value> RunAsync(EncodeInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(new Formula(input.Form switch
            {
                "base64" => "base64Decode(text)",
                "base64url" => "base64UrlDecode(text)",
                "hex" => "hexDecode(text)",
                "url" => "urlDecode(text)",
                _ => "unescapeHtml(text)",
            }).Of(context, "text", ("text", Value.Of(input.Text))));
    }

    private sealed class Encode() : PieceAction<EncodeInput, Value>(
        "encode", "Encode a text", "The text in base64 or hexadecimal digits, or made safe for an address or HTML.", StepEffect.Pure, TextJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.Multiline("text", "Text", required: true), Prop.Select("form", "As", ["base64", "base64url", "hex", "url", "html"], "base64")];

        protected override Task<Value> RunAsync(EncodeInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(new Formula(input.Form switch
            {
                "base64" => "base64Encode(text)",
                "base64url" => "base64UrlEncode(text)",
                "hex" => "hexEncode(text)",
                "url" => "urlEncode(text)",
                _ => "escapeHtml(text)",
            }).Of(context, "text", ("text", Value.Of(input.Text))));
    }

    private sealed class ExtractPattern() : PieceAction<ExtractInput, ExtractOutput>(
        "extract_pattern", "Extract with a pattern", "Finds the places a regular expression matches. No match is not an error.", StepEffect.Pure, TextJson.Default)
    {
        private static readonly Formula s_all = new("matchAll(text, pattern, flags)");
        private static readonly Formula s_named = new("matchGroups(text, pattern, flags)");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("text", "Text", required: true),
            Prop.Text("pattern", "Pattern", required: true, help: "A regular expression, such as order (?<id>\\d+)."),
            Prop.Text("flags", "Flags", help: Flags, otherwise: ""),
        ];

        protected override Task<ExtractOutput> RunAsync(ExtractInput input, PieceContext context, CancellationToken cancel)
        {
            (string, Value)[] inputs = [("text", Value.Of(input.Text)), ("pattern", Value.Of(input.Pattern)), ("flags", Value.Of(input.Flags))];
            var all = s_all.Of(context, "pattern", inputs).AsList;
            if (all.Count == 0)
                return Task.FromResult(new ExtractOutput(false, Value.Null, ValueList.Empty, Value.Of(ValueObject.Empty), ValueList.Empty));
            var first = all[0].AsList;
            return Task.FromResult(new ExtractOutput(
                true, first[0], ValueList.Of(first.Skip(1)), s_named.Of(context, "pattern", inputs), ValueList.Of(all.Select(match => match.AsList[0]))));
        }
    }

    private sealed class HtmlToText() : PieceAction<TextInput, Value>(
        "html_to_text", "HTML to text", "The words of an HTML page or mail: paragraphs, lines and list items kept, tags, scripts and styles left out.", StepEffect.Pure, TextJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Prop.Multiline("text", "HTML", required: true)];

        protected override Task<Value> RunAsync(TextInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(Value.Of(new HtmlText(input.Text).Read()));
    }

    private sealed class Join() : PieceAction<JoinInput, Value>(
        "join", "Join texts", "One text of the items of a list.", StepEffect.Pure, TextJson.Default)
    {
        private static readonly Formula s_all = new("items.join(separator)");
        private static readonly Formula s_filled = new("items.compact().join(separator)");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.List("items", "Items", required: true),
            Prop.Text("separator", "Separator", otherwise: ", "),
            Prop.Flag("leaveOutEmpty", "Leave out empty items", otherwise: true),
        ];

        protected override Task<Value> RunAsync(JoinInput input, PieceContext context, CancellationToken cancel) => Task.FromResult(
            (input.LeaveOutEmpty ? s_filled : s_all).Of(context, "items", ("items", input.Items), ("separator", Value.Of(input.Separator))));
    }

    private sealed class Replace() : PieceAction<ReplaceInput, Value>(
        "replace", "Replace", "The text with one text, or what a pattern matches, replaced by another.", StepEffect.Pure, TextJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("text", "Text", required: true),
            Prop.Text("search", "Search for", required: true),
            Prop.Text("replacement", "Replace by", otherwise: "", help: "With a pattern, $1 and ${name} stand for its groups."),
            Prop.Select("mode", "Replace", ["all", "first", "pattern"], "all", help: "pattern: 'Search for' is a regular expression, and every match is replaced."),
            Prop.Text("flags", "Flags", help: $"For a pattern. {Flags}", otherwise: ""),
        ];

        protected override Task<Value> RunAsync(ReplaceInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Search.Length == 0)
                throw PieceException.Input("'search' must not be empty.");
            return Task.FromResult(new Formula(input.Mode switch
            {
                "all" => "text.replaceAll(search, by)",
                "first" => "text.replace(search, by)",
                _ => "text.replacePattern(search, by, flags)",
            }).Of(context, "search", ("text", Value.Of(input.Text)), ("search", Value.Of(input.Search)), ("by", Value.Of(input.Replacement)), ("flags", Value.Of(input.Flags))));
        }
    }

    private sealed class Slugify() : PieceAction<TextInput, Value>(
        "slugify", "Make a slug", "Small letters, digits and dashes, accents taken off: for addresses and file names.", StepEffect.Pure, TextJson.Default)
    {
        private static readonly Formula s_slug = new("slug(text)");

        public override IReadOnlyList<PropDescription> Props { get; } = [Prop.Text("text", "Text", required: true)];

        protected override Task<Value> RunAsync(TextInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(s_slug.Of(context, "text", ("text", Value.Of(input.Text))));
    }

    private sealed class Split() : PieceAction<SplitInput, Value>(
        "split", "Split", "The parts of a text as a list.", StepEffect.Pure, TextJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("text", "Text", required: true),
            Prop.Select("by", "Split at", ["separator", "lines", "words", "pattern"], "separator", help: "pattern: 'Separator' is a regular expression."),
            Prop.Text("separator", "Separator", otherwise: ","),
            Prop.Flag("trimParts", "Trim the parts", otherwise: true),
            Prop.Flag("leaveOutEmpty", "Leave out empty parts", otherwise: false),
        ];

        protected override Task<Value> RunAsync(SplitInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.By is "separator" or "pattern" && input.Separator.Length == 0)
                throw PieceException.Input("'separator' must not be empty.");
            var parts = new Formula(input.By switch
            {
                "separator" => "text.split(separator)",
                "lines" => "lines(text)",
                "words" => "words(text)",
                _ => "text.splitPattern(separator)",
            }).Of(context, "separator", ("text", Value.Of(input.Text)), ("separator", Value.Of(input.Separator))).AsList.Select(part => part.AsText);
            if (input.TrimParts)
                parts = parts.Select(part => part.Trim());
            if (input.LeaveOutEmpty)
                parts = parts.Where(part => part.Length > 0);
            return Task.FromResult(ValueList.Of(parts.Select(Value.Of)));
        }
    }

    private sealed class Template() : PieceAction<TemplateInput, Value>(
        "template", "Fill in a template", "A text that is data itself, with {name} or {address.city} replaced by values; other braces stay.", StepEffect.Pure, TextJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("template", "Template", required: true),
            Prop.Pairs("values", "Values", required: true),
            Prop.Select("missing", "A value that is missing", ["fail", "empty", "keep"], "fail", help: "empty: nothing is put in its place. keep: its place stays as it is."),
        ];

        protected override Task<Value> RunAsync(TemplateInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(Value.Of(Placeholders.Fill(input.Template, input.Values, input.Missing, context.MaxBytes)));
    }

    private sealed class Trim() : PieceAction<TrimInput, Value>(
        "trim", "Trim", "The text without white space at its ends.", StepEffect.Pure, TextJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("text", "Text", required: true),
            Prop.Select("side", "Side", ["both", "start", "end"], "both"),
            Prop.Flag("collapse", "Make one space of all white space within", otherwise: false),
        ];

        protected override Task<Value> RunAsync(TrimInput input, PieceContext context, CancellationToken cancel)
        {
            var text = input.Side switch { "start" => input.Text.TrimStart(), "end" => input.Text.TrimEnd(), _ => input.Text.Trim() };
            return Task.FromResult(input.Collapse
                ? new Formula(@"text.replacePattern('\\s+', ' ')").Of(context, "text", ("text", Value.Of(text)))
                : Value.Of(text));
        }
    }

    private sealed class Truncate() : PieceAction<TruncateInput, Value>(
        "truncate", "Truncate", "The text cut to a length, its ending included; a shorter one stays as it is.", StepEffect.Pure, TextJson.Default)
    {
        private static readonly Formula s_truncate = new("truncate(text, length, ending)");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("text", "Text", required: true),
            Prop.Integer("length", "Length", required: true, help: "In characters."),
            Prop.Text("ending", "Ending", otherwise: "…"),
        ];

        protected override Task<Value> RunAsync(TruncateInput input, PieceContext context, CancellationToken cancel) =>
            input.Length is < 0 or > int.MaxValue
                ? throw PieceException.Input("'length' must be 0 or more.")
                : Task.FromResult(s_truncate.Of(context, "text", ("text", Value.Of(input.Text)), ("length", Value.Of(input.Length)), ("ending", Value.Of(input.Ending))));
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(ChangeCaseInput))]
    [JsonSerializable(typeof(EncodeInput))]
    [JsonSerializable(typeof(ExtractInput))]
    [JsonSerializable(typeof(ExtractOutput))]
    [JsonSerializable(typeof(TextInput))]
    [JsonSerializable(typeof(JoinInput))]
    [JsonSerializable(typeof(ReplaceInput))]
    [JsonSerializable(typeof(SplitInput))]
    [JsonSerializable(typeof(TemplateInput))]
    [JsonSerializable(typeof(TrimInput))]
    [JsonSerializable(typeof(TruncateInput))]
    private sealed partial class TextJson : JsonSerializerContext;
}
