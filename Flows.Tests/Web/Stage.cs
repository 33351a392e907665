#pragma warning disable RS0030 // The browser is driven by a Node.js process of its own.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Flows.Tests.Web;

/// <param name="Said">What was expected, when it did not go as told.</param>
public sealed record StoryEnd(string Story, bool Passed, double Seconds, string Said);

/// <summary>
/// Acts all stories that this run of the tests has picked in one browser, two side by side, from the first that is asked for; each test then
/// waits for its own.
/// </summary>
public sealed class Stage(Platform platform) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<StoryEnd>> _ends = new();
    private Process? _process;

    /// <exception cref="TimeoutException">It has not ended within three minutes.</exception>
    public async Task<StoryEnd> EndOfAsync(string story)
    {
        _process ??= Begin();
        return await Place(story).Task.WaitAsync(s_limit);
    }

    public void Dispose()
    {
        _process?.Kill(entireProcessTree: true);
        _process?.Dispose();
    }

    private TaskCompletionSource<StoryEnd> Place(string story) => _ends.GetOrAdd(story, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private Process Begin()
    {
        var start = new ProcessStartInfo("node")
        {
            ArgumentList = { "e2e/run.mjs" },
            WorkingDirectory = Browser.WebFolder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var story in Programme.Stories)
            start.ArgumentList.Add(story);
        start.Environment["FLOWS_URL"] = platform.Api.Http.BaseAddress!.ToString();
        start.Environment["FLOWS_KEY"] = platform.Api.Key;
        start.Environment["FLOWS_SETUP"] = platform.SetupToken;
        start.Environment["FLOWS_CHROMIUM"] = Browser.Chromium;
        start.Environment["FLOWS_SHOTS"] = Path.Combine(AppContext.BaseDirectory, "stories");
        var process = Process.Start(start)!;
        _ = HearAsync(process);
        return process;
    }

    private async Task HearAsync(Process process)
    {
        var errors = process.StandardError.ReadToEndAsync();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith('{') && JsonSerializer.Deserialize<StoryEnd>(line, s_json) is { } end)
                Place(end.Story).TrySetResult(end);
        }
        // Whoever still waits waits for nothing.
        var said = await errors;
        foreach (var story in Programme.Stories)
            Place(story).TrySetResult(new StoryEnd(story, Passed: false, 0, $"The stage was left before this story had ended. {said}"));
    }
}

/// <summary>Notes which stories were picked: a filter may leave some out, and none is acted that no test waits for.</summary>
public sealed class Programme : ITestCaseOrderer
{
    public static IReadOnlyList<string> Stories { get; private set; } = [];

    public IEnumerable<TTestCase> OrderTestCases<TTestCase>(IEnumerable<TTestCase> testCases)
        where TTestCase : ITestCase
    {
        var cases = testCases.ToList();
        Stories = [.. cases.Select(one => one.TestMethodArguments?.FirstOrDefault()).OfType<string>()];
        return cases;
    }
}
