using System.Globalization;
using System.Text.RegularExpressions;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.GoogleSheets;

/// <summary>One sheet of one spreadsheet, for one call of an action.</summary>
internal sealed partial class Spreadsheet
{
    /// <summary>As many as a sheet of Google may have.</summary>
    public const int MostColumns = 18_278;
    private const string Nobodys = "flows-connection-test-0000000000000000000000";
    private static readonly WebApi s_google = new("Google Sheets", body => WebAnswer.TextAt(body, "error", "message"));

    private readonly string _url;
    private readonly string _sheet;
    private readonly PieceContext _context;
    private readonly CancellationToken _cancel;

    /// <exception cref="PieceException">The spreadsheet's id or the sheet's name cannot be one.</exception>
    public Spreadsheet(string address, string spreadsheet, string sheet, PieceContext context, CancellationToken cancel)
    {
        var id = IdOf(spreadsheet);
        if (sheet.Length is 0 or > 200)
            throw PieceException.Input("'sheet' must have 1 to 200 characters.");
        (_url, _sheet, _context, _cancel) = ($"{address}/v4/spreadsheets/{id}", sheet, context, cancel);
    }

    /// <summary>The names on the tabs of a spreadsheet whose sheets have cells, in their order.</summary>
    /// <exception cref="PieceException">It cannot be a spreadsheet's id, or Google refused or cannot be reached.</exception>
    public static async Task<IReadOnlyList<string>> SheetsAsync(string address, string spreadsheet, PieceContext context, CancellationToken cancel)
    {
        var answer = await SendAsync(new HttpRequestMessage(HttpMethod.Get, $"{address}/v4/spreadsheets/{IdOf(spreadsheet)}?fields=sheets.properties(title,sheetType)"), context, cancel);
        return answer["sheets"] is not { Kind: ValueKind.List } sheets ? [] :
        [
            .. sheets.AsList.Select(sheet => WebAnswer.At(sheet, "properties"))
                .Where(sheet => WebAnswer.TextAt(sheet, "sheetType") is null or "GRID") // the others are charts
                .Select(sheet => WebAnswer.TextAt(sheet, "title")).OfType<string>(),
        ];
    }

    /// <summary>Whether Google takes the token and lets it use this API: asked of a spreadsheet that nobody has, it then says that there is none.</summary>
    /// <exception cref="PieceException">It does not, or cannot be reached.</exception>
    public static async Task TryAsync(string address, PieceContext context, CancellationToken cancel)
    {
        try
        {
            await SendAsync(new HttpRequestMessage(HttpMethod.Get, $"{address}/v4/spreadsheets/{Nobodys}?fields=spreadsheetId"), context, cancel);
        }
        catch (PieceException error) when (error.Detail is { } detail && WebAnswer.At(Value.FromJson(detail), "status").ToString() == "404")
        {
            // What was to be found out.
        }
    }

    /// <summary>A range of this sheet in A1 notation.</summary>
    public string Name(string cells) => $"'{_sheet.Replace("'", "''", StringComparison.Ordinal)}'!{cells}";

    /// <summary>The same as a part of an address.</summary>
    public string Range(string cells) => Uri.EscapeDataString(Name(cells));

    public static string Option(bool parse) => parse ? "USER_ENTERED" : "RAW";

    /// <exception cref="PieceException">Google refused, or cannot be reached.</exception>
    public Task<WebAnswer> PostAsync(string path, params KeyValuePair<string, Value>[] body) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Post, $"{_url}/{path}") { Content = WebApi.Json(body) });

    /// <summary>Rows of cells; trailing empty cells and rows are left out by Google.</summary>
    /// <exception cref="PieceException">Google refused, or cannot be reached.</exception>
    public async Task<IReadOnlyList<IReadOnlyList<Value>>> RowsAsync(string cells)
    {
        var answer = await SendAsync(new HttpRequestMessage(HttpMethod.Get, $"{_url}/values/{Range(cells)}?majorDimension=ROWS&valueRenderOption=UNFORMATTED_VALUE&dateTimeRenderOption=FORMATTED_STRING"));
        return answer["values"] is { Kind: ValueKind.List } rows
            ? [.. rows.AsList.Select(row => row.Kind == ValueKind.List ? (IReadOnlyList<Value>)[.. row.AsList] : [])]
            : [];
    }

    /// <summary>The names in the first row; empty ones are no names.</summary>
    public static IReadOnlyList<string> HeaderOf(IReadOnlyList<IReadOnlyList<Value>> rows) => rows.Count == 0 ? [] : [.. rows[0].Select(cell => cell.ToString().Trim())];

    /// <summary>A row as an object. Of columns with the same name the first counts.</summary>
    public static Value Named(IReadOnlyList<string> header, IReadOnlyList<Value> row) => ValueObject.Of(header
        .Select((name, column) => new KeyValuePair<string, Value>(name, column < row.Count && row[column] is var cell && !(cell.IsText && cell.AsText.Length == 0) ? cell : Value.Null))
        .Where(pair => pair.Key.Length > 0).DistinctBy(pair => pair.Key));

    /// <returns>The column, from 0.</returns>
    /// <exception cref="PieceException">There is no such name in the first row.</exception>
    public int ColumnOf(IReadOnlyList<string> header, string name, string field)
    {
        for (var column = 0; column < header.Count; column++)
        {
            if (header[column] == name.Trim() && name.Trim().Length > 0)
                return column;
        }
        throw PieceException.Input(
            $"'{field}' names the column '{name}', which the first row of '{_sheet}' does not have; it has {(header.Any(known => known.Length > 0) ? string.Join(", ", header.Where(known => known.Length > 0).Take(50)) : "none")}.");
    }

    /// <summary>Where the properties of an object go: the first row says.</summary>
    /// <exception cref="PieceException">It has a name that the first row has not.</exception>
    public async Task<IReadOnlyList<(int Column, Value Cell)>> ColumnsOfAsync(Value values)
    {
        if (values.AsObject.Count == 0)
            throw PieceException.Input("'values' has no property.");
        var header = HeaderOf(await RowsAsync("1:1"));
        var cells = new List<(int Column, Value Cell)>();
        foreach (var (name, cell) in values.AsObject)
            cells.Add((ColumnOf(header, name, "values"), Cell(cell)));
        return cells;
    }

    /// <summary>What a cell can hold: a text, a number or a boolean; anything else as its JSON.</summary>
    public static Value Cell(Value value) => value.Kind is ValueKind.Object or ValueKind.List ? Value.Of(value.ToString()) : value;

    private Task<WebAnswer> SendAsync(HttpRequestMessage request) => SendAsync(request, _context, _cancel);

    private static Task<WebAnswer> SendAsync(HttpRequestMessage request, PieceContext context, CancellationToken cancel)
    {
        request.Headers.Authorization = ConnectionOf.Bearer(context, "accessToken");
        return s_google.SendAsync(request, context, cancel);
    }

    private static string IdOf(string spreadsheet)
    {
        var id = Address().Match(spreadsheet) is { Success: true } match ? match.Groups[1].Value : spreadsheet;
        return Id().IsMatch(id) ? id : throw PieceException.Input("'spreadsheet' must be the id of a spreadsheet, or its address in the browser.");
    }

    [GeneratedRegex("^https://docs\\.google\\.com/spreadsheets/d/([A-Za-z0-9_-]+)", RegexOptions.CultureInvariant)]
    private static partial Regex Address();

    [GeneratedRegex("^[A-Za-z0-9_-]{5,200}$", RegexOptions.CultureInvariant)]
    private static partial Regex Id();
}

/// <summary>The names of cells: <c>B7</c>, <c>A1:D100</c>.</summary>
internal static partial class A1
{
    /// <param name="column">From 0.</param>
    public static string Column(int column)
    {
        var name = "";
        for (var rest = column + 1; rest > 0; rest = (rest - 1) / 26)
            name = (char)('A' + (rest - 1) % 26) + name;
        return name;
    }

    /// <summary>The first row of a range such as <c>'Sheet 1'!A7:C7</c>; null when it has none.</summary>
    public static long? RowOf(string range) =>
        FirstRow().Match(range[(range.LastIndexOf('!') + 1)..]) is { Success: true } match && long.TryParse(match.Groups[1].Value, CultureInfo.InvariantCulture, out var row) ? row : null;

    /// <exception cref="PieceException">It is no range.</exception>
    public static string Checked(string range) =>
        Range().IsMatch(range) ? range : throw PieceException.Input($"'range' must be such as A1:D100 or A:D; found \"{range}\".");

    [GeneratedRegex("^[A-Z]*([0-9]+)", RegexOptions.CultureInvariant)]
    private static partial Regex FirstRow();

    [GeneratedRegex("^[A-Za-z]{0,3}[0-9]{0,8}(:[A-Za-z]{0,3}[0-9]{0,8})?$", RegexOptions.CultureInvariant)]
    private static partial Regex Range();
}
