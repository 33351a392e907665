using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;
using Flows.Engine.Pieces.GoogleSheets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Engine.Pieces;

/// <summary>The Google Sheets piece against a small spreadsheet of our own that speaks Google's HTTP.</summary>
public sealed partial class WritingSheets : IAsyncLifetime
{
    private const string Id = "1AbC_dEf-9";
    private readonly List<List<JsonElement>> _rows = [Row("Name", "Amount", "Note"), Row("Ada", 10, "first"), Row("Bob", 20.5)];
    private readonly List<string> _options = [];
    private WebApplication _google = null!;

    public Task InitializeAsync()
    {
        _google = Google();
        return _google.StartAsync();
    }

    public async Task DisposeAsync() => await _google.DisposeAsync();

    [Fact]
    public async Task Rows_are_read_by_the_names_in_the_first_one()
    {
        var rows = await DoAsync("read_rows", """ "limit": 1 """);
        Assert.Equal("""{"rows":[{"Name":"Ada","Amount":10,"Note":"first"}],"count":1}""", rows.ToString());
        var cells = await DoAsync("read_rows", """ "header": false, "range": "A2:C3" """);
        Assert.Equal("""{"rows":[["Ada",10,"first"],["Bob",20.5]],"count":2}""", cells.ToString());
    }

    [Fact]
    public async Task A_row_is_found_and_one_that_is_not_there_is_no_error()
    {
        Assert.Equal("""{"found":true,"row":3,"values":{"Name":"Bob","Amount":20.5,"Note":null}}""", (await DoAsync("find_row", """ "column": "Name", "text": "bob", "ignoreCase": true """)).ToString());
        Assert.Equal("""{"found":false,"row":null,"values":null}""", (await DoAsync("find_row", """ "column": "Name", "text": "bob" """)).ToString());
        Assert.Equal("'column' names the column 'Nme', which the first row of 'It''s mine' does not have; it has Name, Amount, Note.".Replace("''", "'", StringComparison.Ordinal),
            (await FailAsync("find_row", """ "column": "Nme", "text": "x" """)).Message);
    }

    [Fact]
    public async Task A_row_is_appended_as_a_list_or_by_names()
    {
        Assert.Equal("""{"range":"'It''s mine'!A4:C4","row":4}""", (await DoAsync("append_row", """ "values": ["Cleo", true, null] """)).ToString());
        await DoAsync("append_row", """ "values": { "Note": "=1+1", "Name": "Dan" }, "parse": true """);
        Assert.Equal(("Dan", JsonValueKind.Null, "=1+1"), (_rows[4][0].GetString(), _rows[4][1].ValueKind, _rows[4][2].GetString()));
        Assert.Equal(["RAW", "USER_ENTERED"], _options);
    }

    [Fact]
    public async Task An_update_writes_the_named_cells_and_no_other()
    {
        await DoAsync("update_row", """ "row": 2, "values": { "Amount": { "deep": 1 } } """);
        Assert.Equal(("Ada", """{"deep":1}""", "first"), (_rows[1][0].GetString(), _rows[1][1].GetString(), _rows[1][2].GetString()));
    }

    [Theory]
    [InlineData("busy-sheet", true, "http_4xx", "Google Sheets answered with status 429: Quota exceeded; it asks to wait 30 s.")]
    [InlineData("closed-sheet", false, "http_4xx", "Google Sheets answered with status 403: The caller does not have permission.")]
    [InlineData("away-sheet", true, "http_5xx", "Google Sheets answered with status 503: The service is currently unavailable.")]
    public async Task Googles_refusals_are_told_apart(string spreadsheet, bool transient, string code, string message)
    {
        var failed = await FailAsync("read_rows", "\"limit\": 1", spreadsheet);
        Assert.Equal((transient, code, message), (failed.IsTransient, failed.Code, failed.Message));
        if (spreadsheet == "busy-sheet")
            Assert.Equal(30, failed.Detail!.Value.ToElement().GetProperty("retryAfterSeconds").GetInt32());
    }

    [Fact]
    public async Task A_token_that_has_run_out_is_told_as_such() =>
        Assert.Equal("unauthorized", (await FailAsync("read_rows", "\"limit\": 1", token: "old")).Code);

    [Theory]
    [InlineData("read_rows", "\"range\": \"A1&x=1\"", Id, "'range' must be such as")]
    [InlineData("append_row", "\"values\": \"text\"", Id, "'values' must be an object, or a list")]
    [InlineData("update_row", "\"row\": 0, \"values\": [1]", Id, "'row' must be from 1")]
    [InlineData("read_rows", "\"limit\": 1", "../secrets", "'spreadsheet' must be the id")]
    public async Task Wrong_inputs_are_named(string action, string input, string spreadsheet, string message) =>
        Assert.StartsWith(message, (await FailAsync(action, input, spreadsheet)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task The_form_lists_the_sheets_of_the_spreadsheet_that_it_holds()
    {
        Assert.Equal(["It's mine", "Second"], (await OptionsAsync($$"""{ "spreadsheet": "https://docs.google.com/spreadsheets/d/{{Id}}/edit#gid=0" }""")).Options!.Select(option => option.Value));
        Assert.Equal(["Second"], (await OptionsAsync($$"""{ "spreadsheet": "{{Id}}" }""", "sec")).Options!.Select(option => option.Label));
        Assert.Equal("google_sheets.sheets: choose a spreadsheet first: its sheets can then be listed.", (await OptionsAsync("{}")).Error!.Message);
        Assert.Contains("only a run knows", (await OptionsAsync("""{ "spreadsheet": "{{trigger.body.id}}" }""")).Error!.Message, StringComparison.Ordinal);
        Assert.Contains("status 403", (await OptionsAsync("""{ "spreadsheet": "closed-sheet" }""")).Error!.Message, StringComparison.Ordinal);
        Assert.Contains("'spreadsheet' must be the id", (await OptionsAsync("""{ "spreadsheet": "../secrets" }""")).Error!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("good", null)]
    [InlineData("old", "unauthorized")]
    [InlineData("of-a-project-without-the-api", "http_4xx")]
    public async Task A_connection_is_tried_without_any_spreadsheet(string token, string? code)
    {
        var answer = await AskAsync(PieceCallKind.Test, "", "{}", null, token);
        Assert.Equal(code, answer.Error?.Code);
        Assert.Equal(code is null ? "" : null, answer.Account);
    }

    [Theory]
    [InlineData(0, "A")]
    [InlineData(25, "Z")]
    [InlineData(26, "AA")]
    [InlineData(701, "ZZ")]
    [InlineData(702, "AAA")]
    public void Columns_have_letters(int column, string name) => Assert.Equal(name, A1.Column(column));

    private async Task<PieceException> FailAsync(string action, string input, string spreadsheet = Id, string token = "good") =>
        await Assert.ThrowsAsync<PieceException>(() => DoAsync(action, input, spreadsheet, token));

    private async Task<RawJson> DoAsync(string action, string input, string spreadsheet = $"https://docs.google.com/spreadsheets/d/{Id}/edit#gid=0", string token = "good")
    {
        var found = new GoogleSheetsPiece(EchoServer.UrlOf(_google)).Actions.Single(known => known.Name == action);
        using var http = OpenNetwork.CreateHttp();
        var call = found.Prepare(ActionInput.Bind(found.Props, Value.FromJson(RawJson.Parse($$"""{ "spreadsheet": "{{spreadsheet}}", "sheet": "It's mine", {{input}} }"""))));
        var connection = RawJson.Parse($$"""{ "kind": "oauth2", "accessToken": "{{token}}" }""");
        return await call.RunAsync(new PieceContext(Guid.Empty, Guid.Empty, "run:step", connection, http, TimeProvider.System, EngineLimits.Default.OutputBytes), CancellationToken.None)
            .WaitAsync(TimeSpan.FromSeconds(30));
    }

    private static object Tab(string title, string sheetType) => new { properties = new { title, sheetType } };

    private Task<PieceAnswer> OptionsAsync(string input, string? search = null) => AskAsync(PieceCallKind.Options, "sheets", input, search, "good");

    private async Task<PieceAnswer> AskAsync(PieceCallKind kind, string part, string input, string? search, string token)
    {
        using var http = OpenNetwork.CreateHttp();
        var connection = RawJson.Parse($$"""{ "kind": "oauth2", "accessToken": "{{token}}" }""");
        var request = new PieceRequest(Guid.CreateVersion7(), kind, null, "google_sheets", part, RawJson.Parse(input), connection, 30_000, 1 << 20, Search: search);
        return await new PieceCalls(new PieceCatalog([new GoogleSheetsPiece(EchoServer.UrlOf(_google))]), http, TimeProvider.System).AnswerAsync(request, CancellationToken.None);
    }

    private WebApplication Google()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Use(async (http, next) =>
        {
            var refusal = http switch
            {
                _ when http.Request.Headers.Authorization == "Bearer of-a-project-without-the-api" => Refused(403, "Google Sheets API has not been used in project 7 before or it is disabled."),
                _ when http.Request.Headers.Authorization != "Bearer good" => Refused(401, "Request had invalid authentication credentials."),
                _ when http.Request.Path.Value!.Contains("/busy-sheet/", StringComparison.Ordinal) => Refused(429, "Quota exceeded."),
                _ when http.Request.Path.Value!.Contains("/closed-sheet", StringComparison.Ordinal) => Refused(403, "The caller does not have permission"),
                _ when http.Request.Path.Value!.Contains("/away-sheet/", StringComparison.Ordinal) => Refused(503, "The service is currently unavailable."),
                _ => null,
            };
            http.Response.Headers.RetryAfter = http.Request.Path.Value!.Contains("/busy-sheet/", StringComparison.Ordinal) ? "30" : default;
            await (refusal is null ? next(http) : refusal.ExecuteAsync(http));
        });
        app.MapGet($"/v4/spreadsheets/{Id}", (string fields) => fields == "sheets.properties(title,sheetType)"
            ? Results.Json(new { sheets = new[] { Tab("It's mine", "GRID"), Tab("A chart", "OBJECT"), Tab("Second", "GRID") } })
            : Refused(400, "fields"));
        app.MapGet("/v4/spreadsheets/{id}", () => Refused(404, "Requested entity was not found."));
        app.MapGet($"/v4/spreadsheets/{Id}/values/{{range}}", (string range) =>
        {
            var (first, last) = RowsOf(range);
            return Results.Json(new { range, majorDimension = "ROWS", values = _rows.Skip(first - 1).Take(last - first + 1) });
        });
        app.MapPost($"/v4/spreadsheets/{Id}/values/{{range}}", (string range, string valueInputOption, JsonElement body) =>
        {
            Assert.EndsWith("!A1:append", range, StringComparison.Ordinal);
            _options.Add(valueInputOption);
            _rows.Add([.. body.GetProperty("values")[0].EnumerateArray()]);
            return Results.Json(new { updates = new { updatedRange = $"'It''s mine'!A{_rows.Count}:C{_rows.Count}", updatedRows = 1 } });
        });
        app.MapPost($"/v4/spreadsheets/{Id}/values:batchUpdate", (JsonElement body) =>
        {
            foreach (var one in body.GetProperty("data").EnumerateArray())
            {
                var cell = OneCell().Match(one.GetProperty("range").GetString()!);
                _rows[int.Parse(cell.Groups[2].Value) - 1][cell.Groups[1].Value[0] - 'A'] = one.GetProperty("values")[0][0].Clone();
            }
            return Results.Json(new { totalUpdatedRows = 1 });
        });
        return app;
    }

    private static IResult Refused(int status, string message) => Results.Json(new { error = new { code = status, message } }, statusCode: status);

    private static (int First, int Last) RowsOf(string range)
    {
        Assert.StartsWith("'It''s mine'!", range, StringComparison.Ordinal);
        var numbers = Numbers().Matches(range).Select(match => int.Parse(match.Value)).ToArray();
        return (numbers[0], numbers[1]);
    }

    private static List<JsonElement> Row(params object[] cells) => [.. cells.Select(cell => JsonSerializer.SerializeToElement(cell))];

    [GeneratedRegex("!([A-Z])([0-9]+)$")]
    private static partial Regex OneCell();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Numbers();
}
