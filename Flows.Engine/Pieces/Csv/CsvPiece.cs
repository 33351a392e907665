using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Csv;

/// <summary>Tables as text, as RFC 4180 describes them. https://www.rfc-editor.org/rfc/rfc4180</summary>
internal sealed partial class CsvPiece() : Piece("csv", "CSV", "Reads and writes tables as text.")
{
    private const string DelimiterHelp = "One character; \\t is a tab.";

    public override IReadOnlyList<PieceAction> Actions => [new ParseText(), new Write()];

    internal sealed record ParseInput(string Text, string Delimiter, string Quote, bool Header, Value Columns, string Lengths, bool TrimCells, bool ReadNumbers);
    /// <param name="Columns">The names of the columns; empty without a header.</param>
    internal sealed record ParseOutput(Value Rows, Value Columns, int Count);
    internal sealed record WriteInput(Value Rows, Value Columns, string Delimiter, bool Header, bool QuoteAll, bool SafeForSpreadsheets, string LineEnd);

    private static char OneCharacter(string field, string text) => text switch
    {
        "\\t" => '\t',
        [var only] when only is not ('\r' or '\n') => only,
        _ => throw PieceException.Input($"'{field}' must be one character and no line break; found \"{Shown.Cut(text)}\"."),
    };

    private static string[] Names(string field, Value list) => list.IsNull ? [] :
        [.. list.AsList.Select((name, i) => name.TryGetText(out var text) ? text : throw PieceException.Input($"'{field}[{i}]' must be a text; found {ValueText.Of(name)}."))];

    private sealed class ParseText() : PieceAction<ParseInput, ParseOutput>(
        "parse", "Read CSV", "The rows of a table: objects by column name, or lists when it has no header.", StepEffect.Pure, CsvJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("text", "Text", required: true),
            Prop.Text("delimiter", "Delimiter", otherwise: ",", help: DelimiterHelp),
            Prop.Text("quote", "Quote", otherwise: "\"", help: "One character. Written twice inside quotes it stands for itself."),
            Prop.Flag("header", "The first line has the names", otherwise: true),
            Prop.List("columns", "Column names", help: "Instead of those in the first line, or for a table that has none."),
            Prop.Select("lengths", "A row of another length", ["fail", "fit"], "fail", help: "fit: what is missing is an empty text, what is too much is left out."),
            Prop.Flag("trimCells", "Trim cells", otherwise: false),
            Prop.Flag("readNumbers", "Read numbers", otherwise: false, help: "A cell such as 12.5 becomes a number; 007 and +49 stay texts."),
        ];

        protected override Task<ParseOutput> RunAsync(ParseInput input, PieceContext context, CancellationToken cancel)
        {
            var (delimiter, quote) = (OneCharacter("delimiter", input.Delimiter), OneCharacter("quote", input.Quote));
            if (delimiter == quote)
                throw PieceException.Input("'delimiter' and 'quote' must be different.");
            var table = new CsvTable(new CsvReader(input.Text, delimiter, quote, input.TrimCells), input.Lengths == "fit", input.ReadNumbers, context.MaxBytes);
            var rows = table.Read(input.Header, Names("columns", input.Columns), cancel);
            return Task.FromResult(new ParseOutput(ValueList.Of(rows), ValueList.Of(table.Columns.Select(Value.Of)), rows.Count));
        }
    }

    private sealed class Write() : PieceAction<WriteInput, Value>(
        "write", "Write CSV", "A table as text, of a list of objects or of lists.", StepEffect.Pure, CsvJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.List("rows", "Rows", required: true),
            Prop.List("columns", "Columns", help: "Names and order. Left out, those of the objects in the order in which they first come."),
            Prop.Text("delimiter", "Delimiter", otherwise: ",", help: DelimiterHelp),
            Prop.Flag("header", "Write the names first", otherwise: true),
            Prop.Flag("quoteAll", "Quote every cell", otherwise: false),
            Prop.Flag("safeForSpreadsheets", "Safe for spreadsheets", otherwise: false, help: "Puts ' before texts that begin with = + - @ or a tab: a spreadsheet would compute them."),
            Prop.Select("lineEnd", "Line ends", ["crlf", "lf"], "crlf"),
        ];

        protected override Task<Value> RunAsync(WriteInput input, PieceContext context, CancellationToken cancel)
        {
            var delimiter = OneCharacter("delimiter", input.Delimiter);
            if (delimiter == '"')
                throw PieceException.Input("'delimiter' must not be the quote.");
            var writer = new CsvWriter(delimiter, input.QuoteAll, input.SafeForSpreadsheets, input.LineEnd == "crlf" ? "\r\n" : "\n", context.MaxBytes);
            return Task.FromResult(Value.Of(writer.Write(input.Rows.AsList, Names("columns", input.Columns), input.Header, cancel)));
        }
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(ParseInput))]
    [JsonSerializable(typeof(ParseOutput))]
    [JsonSerializable(typeof(WriteInput))]
    private sealed partial class CsvJson : JsonSerializerContext;
}
