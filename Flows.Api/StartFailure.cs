using System.Text.RegularExpressions;
using Flows.Api.Migrations;
using Microsoft.Extensions.Options;

namespace Flows.Api;

/// <summary>The process must not start like this. The message is one sentence for the operator and names the setting.</summary>
internal sealed class StartRefusedException(string message) : Exception(message);

/// <summary>Turns what stops a start into lines for an operator, in place of a stack trace.</summary>
internal static partial class StartFailure
{
    /// <summary>Runs the process to its end and gives its exit code: 1, with a line on the error output, when it must not start like this.</summary>
    public static async Task<int> RunAsync(Func<WebApplication> create)
    {
        try
        {
            await using var app = create();
            // Before the host does it, which would log each bad setting with pages of trace.
            app.Services.GetRequiredService<IStartupValidator>().Validate();
            var schema = app.Services.GetRequiredService<SchemaState>();
            await app.RunAsync();
            return schema.Refusal is null ? 0 : 1;
        }
        catch (Exception error) when (Describe(error) is { } lines)
        {
            foreach (var line in lines)
                await Console.Error.WriteLineAsync($"Flows refuses to start: {line}");
            return 1;
        }
    }

    /// <summary>The lines to print, or null for an exception that is nobody's setting: that one is a bug and keeps its trace.</summary>
    public static IReadOnlyList<string>? Describe(Exception error) => error switch
    {
        StartRefusedException refused => [refused.Message],
        OptionsValidationException invalid => [.. invalid.Failures.Select(failure => Describe(invalid.OptionsType, failure))],
        AggregateException several when several.InnerExceptions.All(e => e is OptionsValidationException) =>
            [.. several.InnerExceptions.SelectMany(e => Describe(e)!)],
        InvalidOperationException { InnerException: FormatException or ArgumentException or OverflowException } when BadValue().Match(error.Message) is { Success: true } bad =>
            [$"{InEnvironment(bad.Groups["path"].Value)} is not a valid {bad.Groups["type"].Value}."],
        InvalidOperationException when error.Message.StartsWith("ConnectionStrings__", StringComparison.Ordinal) => [error.Message],
        IOException when error.Message.Contains("address already in use", StringComparison.OrdinalIgnoreCase) => [error.Message],
        _ => null,
    };

    /// <summary><c>Flows:Worker:Concurrency</c> as an environment variable.</summary>
    public static string InEnvironment(string path) => path.Replace(":", "__", StringComparison.Ordinal);

    private static string Describe(Type options, string failure)
    {
        if (Annotation().Match(failure) is not { Success: true } match)
            return failure;
        var section = options.GetField("Section")?.GetRawConstantValue() as string ?? options.Name;
        return $"{InEnvironment(section)}__{match.Groups["member"].Value}: {match.Groups["error"].Value}";
    }

    // The form in which ValidateDataAnnotations reports, and the form in which the configuration binder does.
    [GeneratedRegex("members: '(?<member>.+)' with the error: '(?<error>.+)'\\.$")]
    private static partial Regex Annotation();
    [GeneratedRegex("at '(?<path>.+)' to type 'System\\.(?<type>.+)'")]
    private static partial Regex BadValue();
}
