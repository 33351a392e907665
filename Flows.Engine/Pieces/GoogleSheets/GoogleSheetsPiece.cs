using System.Globalization;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.GoogleSheets;

/// <summary>https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values</summary>
internal sealed partial class GoogleSheetsPiece(string address = "https://sheets.googleapis.com")
    : Piece("google_sheets", "Google Sheets", "Reads, finds, appends and updates rows of spreadsheets.")
{
    private const int MostRows = 50_000;

    private static readonly PropDescription[] s_sheet =
    [
        Prop.Text("spreadsheet", "Spreadsheet", required: true, help: "Its id, or its address in the browser."),
        Prop.Text("sheet", "Sheet", required: true, help: "The name on its tab, such as Sheet1.", source: "sheets"),
    ];

    private static readonly PropDescription[] s_values =
    [
        Prop.Any("values", "Values", required: true, help: "A list: cells from the first column on. An object: cells by the names in the first row. Null leaves a cell as it is."),
        Prop.Flag("parse", "Take values as if they were typed", otherwise: false, help: "Then =A1 is a formula and 1/2 a date. Leave it off for values that come from outside."),
    ];

    public override AuthDescription Auth { get; } = new("oauth2", "Google account",
        "In the Google Cloud console, switch on the Google Sheets API and make an OAuth client of the kind web application; its redirect address is that of this installation with /oauth/callback.",
        [],
        new OAuthDescription(
            "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token", ["https://www.googleapis.com/auth/spreadsheets"],
            "https://oauth2.googleapis.com/revoke", Parameters: "access_type=offline&prompt=consent"));

    public override IReadOnlyList<PieceAction> Actions => [new AppendRow(address), new FindRow(address), new ReadRows(address), new UpdateRow(address)];

    public override IReadOnlyList<OptionSource> Sources => [new("sheets", SheetsAsync)];

    public override bool CanTest => true;

    // Google says nothing of whose the token is to a client that may only use sheets.
    public override async Task<string> TestAsync(PieceContext context, CancellationToken cancel)
    {
        await Spreadsheet.TryAsync(address, context, cancel);
        return "";
    }

    private async Task<IReadOnlyList<PropOption>> SheetsAsync(OptionQuestion question, PieceContext context, CancellationToken cancel)
    {
        if (WebAnswer.TextAt(question.Input, "spreadsheet") is not { Length: > 0 } spreadsheet)
            throw PieceException.Input("choose a spreadsheet first: its sheets can then be listed.");
        if (spreadsheet.Contains("{{", StringComparison.Ordinal))
            throw PieceException.Input("which spreadsheet it is only a run knows: its sheets cannot be listed.");
        var sheets = await Spreadsheet.SheetsAsync(address, spreadsheet, context, cancel);
        return [.. sheets.Where(sheet => question.Matches(sheet)).Take(PropOption.Most).Select(sheet => new PropOption(sheet, sheet))];
    }

    internal sealed record AppendInput(string Spreadsheet, string Sheet, Value Values, bool Parse);
    internal sealed record FindInput(string Spreadsheet, string Sheet, string Column, string Text, bool IgnoreCase);
    internal sealed record ReadInput(string Spreadsheet, string Sheet, string? Range, bool Header, long Limit);
    internal sealed record UpdateInput(string Spreadsheet, string Sheet, long Row, Value Values, bool Parse);

    /// <param name="Row">Number of the row in the sheet, from 1; null when Google does not say.</param>
    internal sealed record WrittenOutput(string Range, long? Row);
    /// <param name="Values">By the names in the first row.</param>
    internal sealed record FoundOutput(bool Found, long? Row, Value Values);
    /// <param name="Rows">Objects by the names in the first row, or lists of cells.</param>
    internal sealed record RowsOutput(IReadOnlyList<Value> Rows, int Count);

    private sealed class AppendRow(string address) : PieceAction<AppendInput, WrittenOutput>(
        "append_row", "Append a row", "Adds a row below the last one.", StepEffect.Effect, SheetsJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [.. s_sheet, .. s_values];

        protected override async Task<WrittenOutput> RunAsync(AppendInput input, PieceContext context, CancellationToken cancel)
        {
            var sheet = new Spreadsheet(address, input.Spreadsheet, input.Sheet, context, cancel);
            var cells = input.Values.Kind == ValueKind.Object
                ? await InColumnsAsync(sheet, input.Values)
                : CellsOf(input.Values);
            var answer = await sheet.PostAsync($"values/{sheet.Range("A1")}:append?insertDataOption=INSERT_ROWS&valueInputOption={Spreadsheet.Option(input.Parse)}",
                new KeyValuePair<string, Value>("values", ValueList.Of([ValueList.Of(cells)])));
            var range = WebAnswer.TextAt(answer.Body, "updates", "updatedRange") ?? "";
            return new WrittenOutput(range, A1.RowOf(range));
        }

        private static async Task<IReadOnlyList<Value>> InColumnsAsync(Spreadsheet sheet, Value values)
        {
            var cells = new List<Value>();
            foreach (var (column, cell) in await sheet.ColumnsOfAsync(values))
            {
                while (cells.Count <= column)
                    cells.Add(Value.Null);
                cells[column] = cell;
            }
            return cells;
        }
    }

    private sealed class UpdateRow(string address) : PieceAction<UpdateInput, WrittenOutput>(
        "update_row", "Update a row", "Writes cells of one row and leaves its others.", StepEffect.Idempotent, SheetsJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [.. s_sheet, Prop.Integer("row", "Row", required: true, help: "Its number in the sheet, from 1."), .. s_values];

        protected override async Task<WrittenOutput> RunAsync(UpdateInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Row is < 1 or > 10_000_000)
                throw PieceException.Input($"'row' must be from 1 to 10000000; found {input.Row.ToString(CultureInfo.InvariantCulture)}.");
            var sheet = new Spreadsheet(address, input.Spreadsheet, input.Sheet, context, cancel);
            var cells = input.Values.Kind == ValueKind.Object
                ? await sheet.ColumnsOfAsync(input.Values)
                : CellsOf(input.Values).Select((cell, column) => (column, cell)).ToList();
            await sheet.PostAsync("values:batchUpdate",
                new("valueInputOption", Value.Of(Spreadsheet.Option(input.Parse))),
                new("data", ValueList.Of(cells.Where(cell => !cell.Cell.IsNull).Select(cell => ValueObject.Of(
                [
                    new("range", Value.Of(sheet.Name($"{A1.Column(cell.Column)}{input.Row}"))),
                    new("values", ValueList.Of([ValueList.Of([cell.Cell])])),
                ])))));
            return new WrittenOutput(sheet.Name($"{input.Row}:{input.Row}"), input.Row);
        }
    }

    private sealed class FindRow(string address) : PieceAction<FindInput, FoundOutput>(
        "find_row", "Find a row", "The first row whose cell in a column has the text.", StepEffect.Idempotent, SheetsJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            .. s_sheet, Prop.Text("column", "Column", required: true, help: "Its name in the first row."), Prop.Text("text", "Text", required: true),
            Prop.Flag("ignoreCase", "Upper and lower case are the same", otherwise: false),
        ];

        protected override async Task<FoundOutput> RunAsync(FindInput input, PieceContext context, CancellationToken cancel)
        {
            var sheet = new Spreadsheet(address, input.Spreadsheet, input.Sheet, context, cancel);
            var rows = await sheet.RowsAsync($"1:{MostRows + 1}");
            var header = Spreadsheet.HeaderOf(rows);
            var column = sheet.ColumnOf(header, input.Column, "column");
            var comparison = input.IgnoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
            for (var i = 1; i < rows.Count; i++)
            {
                if (column < rows[i].Count && rows[i][column].ToString().Equals(input.Text, comparison))
                    return new FoundOutput(true, i + 1, Spreadsheet.Named(header, rows[i]));
            }
            return new FoundOutput(false, null, Value.Null);
        }
    }

    private sealed class ReadRows(string address) : PieceAction<ReadInput, RowsOutput>(
        "read_rows", "Read rows", "Rows of a sheet, from the top.", StepEffect.Idempotent, SheetsJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            .. s_sheet, Prop.Text("range", "Range", help: "Such as A1:D100; left out for the whole sheet."),
            Prop.Flag("header", "The first row has names", otherwise: true, help: "Rows are then objects, else lists of cells."),
            Prop.Integer("limit", "At most", otherwise: 1000, help: $"1 to {MostRows}."),
        ];

        protected override async Task<RowsOutput> RunAsync(ReadInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Limit is < 1 or > MostRows)
                throw PieceException.Input($"'limit' must be from 1 to {MostRows}; found {input.Limit.ToString(CultureInfo.InvariantCulture)}.");
            var sheet = new Spreadsheet(address, input.Spreadsheet, input.Sheet, context, cancel);
            // A range without rows of its own is bounded here: Google sends all there is.
            var rows = await sheet.RowsAsync(string.IsNullOrEmpty(input.Range) ? $"1:{input.Limit + (input.Header ? 1 : 0)}" : A1.Checked(input.Range));
            var header = input.Header ? Spreadsheet.HeaderOf(rows) : null;
            var found = rows.Skip(input.Header ? 1 : 0).Take((int)input.Limit)
                .Select(row => header is null ? ValueList.Of(row) : Spreadsheet.Named(header, row)).ToList();
            return new RowsOutput(found, found.Count);
        }
    }

    private static IReadOnlyList<Value> CellsOf(Value values) => values.Kind == ValueKind.List && values.AsList.Count is > 0 and <= Spreadsheet.MostColumns
        ? [.. values.AsList.Select(Spreadsheet.Cell)]
        : throw PieceException.Input($"'values' must be an object, or a list of 1 to {Spreadsheet.MostColumns} cells; found {Steps.ValueText.Of(values)}.");

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(AppendInput))]
    [JsonSerializable(typeof(FindInput))]
    [JsonSerializable(typeof(FoundOutput))]
    [JsonSerializable(typeof(ReadInput))]
    [JsonSerializable(typeof(RowsOutput))]
    [JsonSerializable(typeof(UpdateInput))]
    [JsonSerializable(typeof(WrittenOutput))]
    private sealed partial class SheetsJson : JsonSerializerContext;
}
