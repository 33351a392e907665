#pragma warning disable RS0030 // The one thing to be shown here is how the real process ends.
using System.Diagnostics;
using Flows.Api;
using Flows.Api.Access;
using Flows.ServiceDefaults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Api;

[Collection(Platform.Apis)]
public sealed class StartingWithBadSettings(Platform platform)
{
    private const string Good = "dGhpcyBpcyBub3Qgc2VjcmV0IGF0IGFsbA";

    [Theory]
    [InlineData("Flows:Limits:PayloadMiB", "0", "Flows__Limits__PayloadMiB: ")]
    [InlineData("Flows:Limits:RunLogMiB", "-5", "Flows__Limits__RunLogMiB: ")]
    [InlineData("Flows:Limits:PayloadMiB", "lots", "Flows__Limits__PayloadMiB is not a valid Int32.")]
    [InlineData("Flows:Limits:OutputInlineKiB", "0", "Flows__Limits__OutputInlineKiB: ")]
    [InlineData("Flows:Worker:HeartbeatEvery", "00:00:03.5", "Flows__Worker__HeartbeatEvery (00:00:03.5000000) must be at most half of Flows__Runs__Lease (00:00:06)")]
    [InlineData("Flows:Projects:Ceiling:PausedDays", "4000", "Flows__Projects__Ceiling__PausedDays: ")]
    [InlineData("Flows:Projects:Ceiling:RunTimeout", "00:05:00", "Flows__Projects__Ceiling__RunTimeout (00:05:00) is below Flows__Timeouts__Flow (00:10:00), which every project has.")]
    [InlineData("Flows:Timeouts:Flow", "2.00:00:00", "Flows__Timeouts__Flow: ")]
    [InlineData("Flows:PublicUrl", "flows.example.com", "Flows__PublicUrl must be an http or https address")]
    [InlineData("Flows:Bootstrap:ApiKey", "flk_short", "Flows__Bootstrap__ApiKey must be 'flk_'")]
    [InlineData("Flows:Bootstrap:ApiKey", "sk_0123456789012345678901234567890123456789", "Flows__Bootstrap__ApiKey must be 'flk_'")]
    [InlineData("Flows:Bootstrap:ApiKey", "flk_changeme-changeme-changeme-9Xc4VbN2mKq", "Flows__Bootstrap__ApiKey must be 'flk_'")]
    [InlineData("Flows:Bootstrap:ApiKey", "flk_0123456789012345678901234567890123456789012", "Flows__Bootstrap__ApiKey must be 'flk_'")]
    [InlineData("Flows:Bootstrap:SetupToken", "short", "Flows__Bootstrap__SetupToken must be random")]
    [InlineData("Flows:Bootstrap:SetupToken", "change-me-9Xc4VbN2mKqL8wErT6yUiOp1AsDf", "Flows__Bootstrap__SetupToken must be random")]
    [InlineData("Flows:SignIn:PasswordRounds", "1000", "Flows__SignIn__PasswordRounds: ")]
    [InlineData("Flows:Audit:Keep", "00:05:00", "Flows__Audit__Keep: ")]
    [InlineData("Flows:Proxies", "10.0.0.0/33", "Flows__Proxies: '10.0.0.0/33' is not an address")]
    [InlineData("Flows:Security:WorkerToken", "short", "Flows__Security__WorkerToken has 5 characters.")]
    [InlineData("Flows:ContainerType", "app", "Flows__ContainerType is 'app'. It must be WORKER_AND_APP or APP.")]
    [InlineData("ConnectionStrings:flowsdb", "", "ConnectionStrings__flowsdb is not set.")]
    public async Task The_message_names_the_variable(string setting, string value, string message)
    {
        var error = await Record.ExceptionAsync(async () =>
        {
            await using var app = ApiHost.Create("Host=localhost", platform, new() { [setting] = value });
            app.Services.GetRequiredService<IStartupValidator>().Validate();
        });
        Assert.StartsWith(message, Assert.Single(StartFailure.Describe(error!)!), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "is missing")]
    [InlineData("0123456789012345678901234567890", "has 31 characters")]
    [InlineData("changemechangemechangemechangeme", "well-known sample or repeats itself")]
    [InlineData("my-example-token-0123456789-abcdef", "well-known sample or repeats itself")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "well-known sample or repeats itself")]
    [InlineData("0123456789abcdef0123456789abcdef", "well-known sample or repeats itself")]
    public void Secrets_that_anybody_could_guess_are_refused(string secret, string problem)
    {
        var result = new SecurityCheck().Validate(null, new SecurityOptions { EncryptionKey = secret, WorkerToken = Good });
        Assert.Contains($"Flows__Security__EncryptionKey {problem}", Assert.Single(result.Failures!).Replace(" is a ", " ", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void Good_secrets_pass_and_the_token_must_be_no_other_credential()
    {
        var check = new SecurityCheck();
        Assert.True(check.Validate(null, new SecurityOptions { EncryptionKey = Good, WorkerToken = Good + "2" }).Succeeded);
        Assert.Contains("must not be the same", check.Validate(null, new SecurityOptions { EncryptionKey = Good, WorkerToken = Good }).FailureMessage, StringComparison.Ordinal);
        Assert.Contains("must not start with 'flk_'", check.Validate(null, new SecurityOptions { EncryptionKey = Good, WorkerToken = "flk_" + Good }).FailureMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_process_ends_soon_with_one_line_for_each_setting()
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true, RedirectStandardOutput = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Flows.Api.dll"));
        start.Environment.Clear();
        foreach (var name in new[] { "PATH", "HOME", "DOTNET_ROOT" })
            start.Environment[name] = Environment.GetEnvironmentVariable(name);
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["ConnectionStrings__flowsdb"] = platform.PostgresConnectionString;
        start.Environment["ConnectionStrings__redis"] = platform.RedisConnectionString;
        start.Environment["Flows__ContainerType"] = "APP";
        start.Environment["Flows__Security__EncryptionKey"] = Good;

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
        Assert.Equal(1, process.ExitCode);
        Assert.Equal(
            "Flows refuses to start: Flows__Security__WorkerToken is missing. Set it to at least 32 random characters, e.g. from: openssl rand -base64 32",
            (await errors).Trim());
        Assert.DoesNotContain("   at ", await output, StringComparison.Ordinal);
    }
}
