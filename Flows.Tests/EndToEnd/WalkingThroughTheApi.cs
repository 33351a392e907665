#pragma warning disable RS0030 // The page is for people with a shell: its commands are given to one.
using System.Diagnostics;
using System.Text.RegularExpressions;
using Flows.Tests.Api;
using Flows.Tests.Language;
using Npgsql;

namespace Flows.Tests.EndToEnd;

/// <summary>docs/api-tour.md as somebody follows it: every command, in order, in one bash with one curl, against a Flows of its own; every answer as the page has it.</summary>
[Collection(nameof(Platform))]
public sealed partial class WalkingThroughTheApi(Platform platform)
{
    private const string SetupToken = "setup-4Vb9NcXk2LqWz7TyRm5PfHs8Jd3GaEu6";

    [Fact]
    public async Task Every_command_of_the_tour_gives_the_answer_that_the_page_shows()
    {
        var page = (await File.ReadAllTextAsync(Tree.PathOf("docs", "api-tour.md"))).ReplaceLineEndings("\n");
        await using var database = new TestDatabase(platform);
        await using var flows = await FlowsProcess.StartAsync(database, platform.RedisConnectionString, ("Flows__Bootstrap__SetupToken", SetupToken), ("Flows__Queue__Provider", "Redis"));
        var address = flows.Api.Http.BaseAddress!.ToString().TrimEnd('/');
        var postgres = new NpgsqlConnectionStringBuilder(platform.PostgresConnectionString);
        // What a reader would put in by himself.
        (string Written, string Meant)[] own =
        [
            ("FLOWS=http://localhost:8080", $"FLOWS={address}"), ("KEY='Authorization: Bearer flk_…'", $"KEY='Authorization: Bearer {flows.Api.Key}'"), ("\"token\": \"…\"", $"\"token\": \"{SetupToken}\""),
            ("\"host\": \"127.0.0.1\", \"port\": \"5432\"", $"\"host\": \"{postgres.Host}\", \"port\": \"{postgres.Port}\""),
            ("\"username\": \"postgres\", \"password\": \"…\"", $"\"username\": \"{postgres.Username}\", \"password\": \"{(string.IsNullOrEmpty(postgres.Password) ? "none" : postgres.Password)}\""),
        ];
        Assert.All(own, each => Assert.Contains(each.Written, page, StringComparison.Ordinal));

        var values = new Dictionary<string, string> { ["FLOWS"] = address };
        using var shell = new Shell();
        var (commands, compared) = (0, 0);
        var printed = "";
        foreach (Match block in Blocks().Matches(page))
        {
            var text = block.Groups[2].Value;
            if (block.Groups[1].Value == "bash")
            {
                printed = await shell.RunAsync(own.Aggregate(text, (command, each) => command.Replace(each.Written, each.Meant, StringComparison.Ordinal)));
                commands++;
                continue;
            }
            var known = values.Keys.ToHashSet();
            var differences = new WrittenAnswer(text, values).CompareTo(printed);
            Assert.True(differences.Count == 0, $"docs/api-tour.md, line {page[..block.Index].Count(c => c == '\n') + 1}: the answer is not the one that the page shows.\n  {string.Join("\n  ", differences)}\n{printed}");
            foreach (var name in values.Keys.Except(known).ToList())
                await shell.RunAsync($"{name}='{values[name].Replace("'", "'\\''", StringComparison.Ordinal)}'\n");
            compared++;
        }
        Assert.True(commands > 50 && compared >= commands - 2, $"{commands} commands, {compared} answers");
    }

    [GeneratedRegex("^```(bash|http)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    /// <summary>One bash for the whole page, so that variables last from one block to the next.</summary>
    private sealed class Shell : IDisposable
    {
        private const string End = "@@end ";
        private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(90);
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flows-tour-");
        private readonly Process _bash;

        public Shell()
        {
            _bash = Process.Start(new ProcessStartInfo("bash") { RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = _folder.FullName })!;
        }

        /// <returns>What the commands have printed, errors too.</returns>
        public async Task<string> RunAsync(string commands)
        {
            var file = Path.Combine(_folder.FullName, "block.sh");
            await File.WriteAllTextAsync(file, commands);
            await _bash.StandardInput.WriteAsync($"source '{file}' </dev/null 2>&1\nprintf '\\n{End}%s\\n' $?\n");
            await _bash.StandardInput.FlushAsync();
            using var limit = new CancellationTokenSource(s_limit);
            var printed = new List<string>();
            while (await _bash.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                if (!line.StartsWith(End, StringComparison.Ordinal))
                {
                    printed.Add(line);
                    continue;
                }
                var output = string.Join('\n', printed);
                Assert.True(line == End + "0", $"{commands}\nended with {line[End.Length..]}: {output}");
                return output;
            }
            throw new InvalidOperationException("The shell has ended.");
        }

        public void Dispose()
        {
            _bash.Kill(entireProcessTree: true);
            _bash.Dispose();
            _folder.Delete(recursive: true);
        }
    }
}
