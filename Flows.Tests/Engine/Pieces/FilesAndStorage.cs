using Flows.Contracts.Runs;

namespace Flows.Tests.Engine.Pieces;

/// <summary>The pieces that have the API keep something for them, each action with each of its choices.</summary>
public sealed class FilesAndStorage
{
    private static string File(string name, string action, string input) =>
        $$"""{ "name": "{{name}}", "kind": "action", "piece": "file", "action": "{{action}}", "input": { {{input}} } }""";

    private static string Storage(string name, string action, string input) =>
        $$"""{ "name": "{{name}}", "kind": "action", "piece": "storage", "action": "{{action}}", "input": { {{input}} } }""";

    private static async Task<WalkedRun> WalkAsync(params string[] steps)
    {
        var run = await WalkedRun.OfAsync($"[{string.Join(',', steps)}]");
        Assert.True(run.Outcome!.Status == RunStatus.Succeeded, run.Outcome.Error?.Message);
        return run;
    }

    [Theory]
    [InlineData("\"content\": \"Grüße\"", "text", "\"Grüße\"", "text/plain; charset=utf-8")]
    [InlineData("\"content\": { \"a\": [1] }", "json", "{\"a\":[1]}", "application/json")]
    [InlineData("\"content\": \"a\", \"from\": \"json\"", "text", "\"\\\"a\\\"\"", "application/json")]
    [InlineData("\"content\": 7, \"from\": \"text\", \"type\": \"text/csv\"", "json", "7", "text/csv")]
    [InlineData("\"content\": \"AP8=\", \"from\": \"base64\"", "base64", "\"AP8=\"", "application/octet-stream")]
    [InlineData("\"from\": \"text\"", "text", "\"\"", "text/plain; charset=utf-8")]
    // A byte order mark is how the file begins, and no part of its text.
    [InlineData("\"content\": \"77u/WzFd\", \"from\": \"base64\"", "json", "[1]", "application/octet-stream")]
    public async Task What_is_written_is_read_back(string write, string form, string content, string type)
    {
        var run = await WalkAsync(File("file", "write", $"\"name\": \"a.bin\", {write}"), File("back", "read", $"\"file\": \"{{{{file}}}}\", \"as\": \"{form}\""));
        Assert.Equal(content, run.Output);
        Assert.Equal(type, run["file"].Output!.Value.ToElement().GetProperty("type").GetString());
        Assert.Equal((StepEffect.Pure, StepEffect.Pure), (run["file"].Effect, run["back"].Effect));
    }

    [Theory]
    [InlineData("Z3L8bjsxMCCA", "windows-1252", "\"grün;10 €\"")]
    [InlineData("g2WDWINn", "shift_jis", "\"テスト\"")]
    [InlineData("//5nAHIA/ABuAA==", "utf-16", "\"grün\"")]
    public async Task A_text_in_another_encoding_is_read_in_it(string bytes, string encoding, string text) =>
        Assert.Equal(text, (await WalkAsync(File("file", "write", $"\"name\": \"a.csv\", \"content\": \"{bytes}\", \"from\": \"base64\""),
            File("back", "read", $"\"file\": \"{{{{file}}}}\", \"encoding\": \"{encoding}\""))).Output);

    [Theory]
    [InlineData("\"file\": \"{{file}}\"", "'file': 'a.csv' is not text in utf-8; with another 'encoding' it may be, and read as base64 any file can.")]
    [InlineData("\"file\": \"{{file}}\", \"as\": \"json\"", "'file': 'a.csv' is not text in utf-8; with another 'encoding' it may be, and read as base64 any file can.")]
    [InlineData("\"file\": \"{{file}}\", \"encoding\": \"klingon\"", "'encoding' must be one such as utf-8 or windows-1252; found the text \"klingon\".")]
    [InlineData("\"file\": \"none\"", "there is no such file in this run.")]
    [InlineData("\"file\": 5", "'file' must be a file, as a step gave it; found 5.")]
    public async Task Bytes_that_are_no_text_are_not_made_into_one(string read, string message)
    {
        var run = await WalkedRun.OfAsync($"[{File("file", "write", "\"name\": \"a.csv\", \"content\": \"Z3L8bg==\", \"from\": \"base64\"")}, {File("back", "read", read)}]");
        Assert.Equal($"Step 'back': {message}", run.Outcome!.Error!.Message);
    }

    [Fact]
    public async Task Values_are_kept_for_the_flow_or_for_the_project_and_listed_page_by_page()
    {
        var run = await WalkAsync(
            Storage("a", "put", "\"key\": \"k/a\", \"value\": { \"n\": 1 }"), Storage("b", "put", "\"key\": \"k/b\", \"value\": 2"),
            Storage("shared", "put", "\"key\": \"k/a\", \"value\": \"all\", \"scope\": \"project\""),
            Storage("own", "get", "\"key\": \"k/a\""), Storage("all", "get", "\"key\": \"k/a\", \"scope\": \"project\""), Storage("none", "get", "\"key\": \"x\", \"otherwise\": [0]"),
            Storage("one", "increment", "\"key\": \"n\""), Storage("less", "increment", "\"key\": \"n\", \"by\": -0.5"),
            Storage("first", "list", "\"prefix\": \"k/\", \"limit\": 1"), Storage("second", "list", "\"prefix\": \"k/\", \"limit\": 5, \"after\": \"{{first.after}}\""),
            Storage("gone", "delete", "\"key\": \"k/a\""), Storage("again", "delete", "\"key\": \"k/a\""), Storage("emptied", "put", "\"key\": \"k/b\", \"value\": null"), Storage("left", "list", "\"prefix\": \"k/\""));

        string Of(string step) => run[step].Output!.Value.ToString();
        Assert.Equal(("{\"n\":1}", "\"all\"", "[0]"), (Of("own"), Of("all"), Of("none")));
        Assert.Equal(("1", "0.5"), (Of("one"), Of("less")));
        Assert.Equal(("{\"keys\":[\"k/a\"],\"after\":\"k/a\"}", "{\"keys\":[\"k/b\"],\"after\":null}"), (Of("first"), Of("second")));
        Assert.Equal(("{\"deleted\":true}", "{\"deleted\":false}", "{\"keys\":[],\"after\":null}"), (Of("gone"), Of("again"), Of("left")));
        Assert.All(run.Journal, line => Assert.Equal(StepEffect.Idempotent, line.Effect));
    }

    [Theory]
    [InlineData("get", "\"key\": \"\"", "'key' must have 1 to")]
    [InlineData("list", "\"limit\": 0", "'limit' must be from 1 to")]
    [InlineData("put", "\"key\": \"k\", \"value\": \"{{repeat('x', 9000000)}}\"", "'value' has 9000002 bytes; at most")]
    public async Task What_cannot_be_kept_is_told(string action, string input, string message)
    {
        var run = await WalkedRun.OfAsync($"[{Storage("step", action, input)}]");
        Assert.StartsWith($"Step 'step': {message}", run.Outcome!.Error!.Message, StringComparison.Ordinal);
    }
}
