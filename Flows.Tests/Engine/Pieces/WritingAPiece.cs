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
    private readonly WebApplication _desk = Desk();
    private string Url => EchoServer.UrlOf(_desk);

    public Task InitializeAsync() => _desk.StartAsync();

    public async Task DisposeAsync() => await _desk.DisposeAsync();

    [Fact]
    public void The_example_in_the_document_is_the_file_that_is_compiled()
    {
        var document = File.ReadAllText(Path.Combine(Root, "docs", "pieces.md")).ReplaceLineEndings("\n");
        var source = File.ReadAllText(Path.Combine(Root, "Flows.Tests", "Engine", "Pieces", "TicketsPiece.cs")).ReplaceLineEndings("\n");
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

    private static WebApplication Desk()
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
