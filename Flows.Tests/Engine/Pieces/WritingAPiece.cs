using System.Net;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Engine.Pieces;

/// <summary>The example of docs/pieces.md is real, and the document says what is so.</summary>
public sealed class WritingAPiece : IAsyncLifetime
{
    private readonly WebApplication _desk;
    private readonly List<TicketsPiece.OpenedTicket> _opened = [];
    private readonly HashSet<string> _hooks = [];
    private string Url => EchoServer.UrlOf(_desk);

    public WritingAPiece() => _desk = Desk();

    public Task InitializeAsync() => _desk.StartAsync();

    public async Task DisposeAsync() => await _desk.DisposeAsync();

    [Theory]
    [InlineData("TicketsPiece.cs")]
    [InlineData("TicketsPiece.Triggers.cs")]
    public void The_example_in_the_document_is_the_file_that_is_compiled(string file)
    {
        var document = File.ReadAllText(Path.Combine(Root, "docs", "pieces.md")).ReplaceLineEndings("\n");
        var source = File.ReadAllText(Path.Combine(Root, "Flows.Tests", "Engine", "Pieces", file)).ReplaceLineEndings("\n");
        Assert.Contains($"```csharp\n{source.TrimEnd()}\n```\n", document, StringComparison.Ordinal);
    }

    [Fact]
    public void The_document_names_every_control_effect_and_piece()
    {
        var document = File.ReadAllText(Path.Combine(Root, "docs", "pieces.md"));
        var controls = PieceCatalog.All.Pieces.Select(piece => piece.Describe())
            .SelectMany(piece => piece.Actions.SelectMany(action => action.Props).Concat(piece.Triggers.SelectMany(trigger => trigger.Props)))
            .Select(prop => prop.Control);
        foreach (var control in controls.Distinct())
            Assert.Contains($"| `{control}` |", document, StringComparison.Ordinal);
        foreach (var trigger in PieceCatalog.All.Pieces.SelectMany(piece => piece.Triggers.Select(trigger => $"`{piece.Name}.{trigger.Name}`")))
            Assert.Contains($"| {trigger} |", document, StringComparison.Ordinal);
        foreach (var effect in Enum.GetNames<StepEffect>())
            Assert.Contains($"| `{effect}` |", document, StringComparison.Ordinal);
        foreach (var piece in PieceCatalog.All.Pieces.Where(piece => piece.Actions.Count > 0))
            Assert.Contains($"| `{piece.Name}` | {string.Join(", ", piece.Actions.Select(action => $"`{action.Name}`"))} |", document, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_example_opens_a_ticket_with_the_key_of_its_connection()
    {
        var output = await OpenAsync("""{ "title": "It burns", "labels": { "floor": 3 } }""");
        Assert.Equal($$"""{"id":"T-7","link":"{{Url}}/tickets/T-7"}""", output.ToString());
    }

    [Theory]
    [InlineData("500", true, "the help desk answered with status 500.")]
    [InlineData("403", false, "the help desk refused the ticket with status 403.")]
    public async Task The_example_tells_what_may_be_tried_again(string status, bool transient, string message)
    {
        var error = await Assert.ThrowsAsync<PieceException>(() => OpenAsync($$"""{ "title": "{{status}}" }"""));
        Assert.Equal((transient, message), (error.IsTransient, error.Message));
    }

    [Fact]
    public async Task The_example_names_the_input_that_is_wrong()
    {
        Assert.Equal("'title' is required; found nothing.", (await Assert.ThrowsAsync<PieceException>(() => OpenAsync("{}"))).Message);
        Assert.Equal("the step needs a connection with a 'key'.", (await Assert.ThrowsAsync<PieceException>(() => OpenAsync("""{ "title": "x" }""", connection: null))).Message);
    }

    [Fact]
    public async Task The_example_polls_from_now_and_gives_what_is_opened_later()
    {
        var first = await AskAsync(PieceCallKind.Poll, "opened", """{ "queue": "fire" }""");
        Assert.Empty(first.Events!.Items);
        _opened.Add(new("T-8", "It burns again", TimeProvider.System.GetUtcNow().AddMinutes(1)));
        var second = await AskAsync(PieceCallKind.Poll, "opened", """{ "queue": "fire" }""", first.Events.Cursor);
        Assert.Equal("T-8", Assert.Single(second.Events!.Items).Key);
        Assert.Equal("It burns again", second.Events.Items[0].Output.ToElement().GetProperty("title").GetString());
        // It comes again with its time, under the same key.
        Assert.Equal("T-8", Assert.Single((await AskAsync(PieceCallKind.Poll, "opened", """{ "queue": "fire" }""", second.Events.Cursor)).Events!.Items).Key);
    }

    [Fact]
    public async Task The_example_registers_its_hook_takes_it_away_and_offers_the_queues()
    {
        var hook = new HookTerms("https://flows.example.com/webhooks/f/hooks/h", "s3cret");
        var enabled = await AskAsync(PieceCallKind.Enable, "changed", "{}", hook: hook);
        Assert.Equal(("""{"id":"H-1"}""", 1), (enabled.State.ToString(), _hooks.Count));
        Assert.Null((await AskAsync(PieceCallKind.Disable, "changed", "{}", hook: hook with { State = enabled.State })).Error);
        Assert.Empty(_hooks);
        Assert.Equal([new PropOption("fire", "fire")], (await AskAsync(PieceCallKind.Options, "queues", "{}", search: "fi")).Options!);
    }

    private async Task<PieceAnswer> AskAsync(PieceCallKind kind, string part, string input, RawJson? cursor = null, HookTerms? hook = null, string? search = null)
    {
        using var http = new OutboundHttp(new GuardedNetwork(new NetworkSettings(NetworkPolicy.Unrestricted)));
        return await new PieceCalls(new PieceCatalog([new TicketsPiece(Url)]), http, TimeProvider.System).AnswerAsync(new PieceRequest(
            Guid.CreateVersion7(), kind, null, "tickets", part, RawJson.Parse(input), RawJson.Parse("""{ "key": "tk_1" }"""), 30_000, 1 << 20, cursor, hook, search), CancellationToken.None);
    }

    private async Task<RawJson> OpenAsync(string input, string? connection = """{ "key": "tk_1" }""")
    {
        var action = new TicketsPiece(Url).Actions.Single();
        using var http = new OutboundHttp(new GuardedNetwork(new NetworkSettings(NetworkPolicy.Unrestricted)));
        var call = action.Prepare(ActionInput.Bind(action.Props, Value.FromJson(RawJson.Parse(input))));
        Assert.Equal(StepEffect.Effect, call.Effect);
        return await call.RunAsync(
            new PieceContext(Guid.Empty, Guid.Empty, "run:step", connection is null ? null : RawJson.Parse(connection), http, TimeProvider.System, EngineLimits.Default.OutputBytes),
            CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
    }

    private WebApplication Desk()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var server = builder.Build();
        server.MapPost("/tickets", async (HttpContext http) =>
        {
            var ticket = await http.Request.ReadFromJsonAsync<Dictionary<string, System.Text.Json.JsonElement>>();
            if (int.TryParse(ticket!["title"].GetString(), out var status))
                return Results.StatusCode(status);
            Assert.Equal("Bearer tk_1", http.Request.Headers.Authorization.ToString());
            Assert.Equal("run:step", http.Request.Headers["Idempotency-Key"].ToString());
            Assert.Equal("normal", ticket["priority"].GetString());
            return Results.Json(new { id = "T-7" });
        });
        server.MapGet("/tickets", (string queue, DateTimeOffset since) => Results.Json(queue == "fire" ? _opened.Where(ticket => ticket.OpenedAt >= since) : []));
        server.MapGet("/queues", () => Results.Json(new[] { "fire", "water" }));
        server.MapPut("/hooks", async (HttpContext http) =>
        {
            Assert.Equal("""{"url":"https://flows.example.com/webhooks/f/hooks/h","secret":"s3cret"}""", await new StreamReader(http.Request.Body).ReadToEndAsync());
            _hooks.Add("H-1");
            return Results.Json(new { id = "H-1" });
        });
        server.MapDelete("/hooks/{id}", (string id) => _hooks.Remove(id) ? Results.NoContent() : Results.NotFound());
        return server;
    }

    private static string Root
    {
        get
        {
            var at = new DirectoryInfo(AppContext.BaseDirectory);
            while (at is not null && !File.Exists(Path.Combine(at.FullName, "Flows.sln")))
                at = at.Parent;
            return at?.FullName ?? throw new InvalidOperationException("Flows.sln is in no folder above the tests.");
        }
    }
}
