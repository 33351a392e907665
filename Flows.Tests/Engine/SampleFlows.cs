using System.Text.Json;
using Flows.Engine.CommandLine;
using Microsoft.AspNetCore.Builder;

namespace Flows.Tests.Engine;

/// <summary>Every flow under samples/, walked as <c>Flows.Engine --run</c> does, comes out as its expected.json says.</summary>
public sealed class SampleFlows : IAsyncLifetime
{
    private static readonly string s_samples = Find("samples");
    private readonly WebApplication _server = EchoServer.Create();

    public Task InitializeAsync() => _server.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public static TheoryData<string> Names => new(Directory.GetDirectories(s_samples).Select(folder => Path.GetFileName(folder)!).Order());

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Comes_out_as_expected(string name)
    {
        var folder = Path.Combine(s_samples, name);
        var variables = Path.GetTempFileName();
        using var output = new MemoryStream();
        await File.WriteAllTextAsync(variables, $$"""{ "server": "{{EchoServer.UrlOf(_server)}}" }""");
        var exit = await RunCommand.ExecuteAsync(
            ["--run", Path.Combine(folder, "flow.json"), "--payload", Path.Combine(folder, "payload.json"), "--variables", variables, .. ConnectionsOf(folder), .. AnswersOf(folder), "--json"], output);
        File.Delete(variables);

        using var run = JsonDocument.Parse(output.ToArray());
        using var expected = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "expected.json")));
        var outcome = run.RootElement.GetProperty("outcome");
        foreach (var field in expected.RootElement.EnumerateObject())
        {
            switch (field.Name)
            {
                case "response":
                    Assert.Equal(field.Value.GetInt32(), run.RootElement.GetProperty("response").GetProperty("status").GetInt32());
                    break;
                case "steps":
                    // Items and branches that are walked at the same time may begin in any order.
                    Assert.Equal(
                        field.Value.EnumerateArray().Select(path => path.GetString()).Order(),
                        run.RootElement.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("path").GetString()).Order());
                    break;
                default:
                    Assert.True(outcome.TryGetProperty(field.Name, out var found), $"{field.Name} is missing in {outcome}");
                    Assert.True(JsonElement.DeepEquals(field.Value, found), $"{field.Name}: expected {field.Value.GetRawText()}, found {found.GetRawText()}");
                    break;
            }
        }
        Assert.Equal(expected.RootElement.GetProperty("status").GetString() == "Succeeded" ? 0 : 1, exit);
    }

    // connection-shop.json holds the connection 'shop'.
    private static IEnumerable<string> ConnectionsOf(string folder) => Directory.GetFiles(folder, "connection-*.json")
        .SelectMany(file => new[] { "--connection", $"{Path.GetFileNameWithoutExtension(file)["connection-".Length..]}={file}" });

    // resume.json: what waits and calls give, by step path.
    private static IEnumerable<string> AnswersOf(string folder) => File.Exists(Path.Combine(folder, "resume.json"))
        ? JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "resume.json"))).RootElement.EnumerateObject().SelectMany(answer => new[] { "--resume", $"{answer.Name}={answer.Value.GetRawText()}" })
        : [];

    private static string Find(string folder)
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Flows.sln")))
            at = at.Parent;
        return Path.Combine(at?.FullName ?? throw new InvalidOperationException("Flows.sln is in no folder above the tests."), folder);
    }
}
