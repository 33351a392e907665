using System.ComponentModel.DataAnnotations;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Options;

namespace Flows.Worker;

/// <summary>How much this worker does. It refuses to start on a bad value.</summary>
public sealed class WorkerOptions
{
    public const string Section = "Flows:Worker";

    /// <summary>Runs at a time, and engine processes at most.</summary>
    [Range(1, 100)]
    public int Concurrency { get; set; } = 5;

    /// <summary>Calls of pieces outside of runs (polls, hooks, options, tests) at a time, each in an engine beside those of the runs. 0: this worker does none.</summary>
    [Range(0, 100)]
    public int PieceCalls { get; set; } = 2;

    /// <summary>Time that the steps under way get when the worker is told to stop; each run is handed back behind its step, or cut off then. 0 cuts all off at once.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>How often the claims of this worker are renewed. Unset by default: a third of the lease that the API grants, which is 2 s. At most half of it.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:02:00")]
    public TimeSpan? HeartbeatEvery { get; set; }

    /// <summary>
    /// The API may have this worker end itself as if it had been killed, when an operator of a test project asks for that. Whatever else it holds then goes on
    /// elsewhere as after any crash. False by default: for installations in which something may break, and whose workers are started again by something.
    /// </summary>
    public bool AllowChaos { get; set; }
}

/// <summary>The lease as this process sees it. The API has the last word: see <see cref="Runs.Heartbeat"/>.</summary>
internal sealed class HeartbeatCheck(IConfiguration configuration) : IValidateOptions<WorkerOptions>
{
    public ValidateOptionsResult Validate(string? name, WorkerOptions options) =>
        LeaseTerms.Problem(configuration.GetValue(LeaseTerms.LeaseSetting, LeaseTerms.DefaultLease), options.HeartbeatEvery) is { } problem
            ? ValidateOptionsResult.Fail(problem)
            : ValidateOptionsResult.Success;
}

/// <summary>What one run may use. The API reads the same section.</summary>
public sealed class RunLimitOptions
{
    public const string Section = "Flows:Limits";

    /// <summary>Largest payload, and largest output of one step, in MiB.</summary>
    [Range(1, 100)]
    public int PayloadMiB { get; set; } = 25;

    /// <summary>Inputs and outputs of all steps of a run together, in MiB.</summary>
    [Range(1, 1024)]
    public int RunLogMiB { get; set; } = 50;

    internal EngineLimits ToEngineLimits() =>
        EngineLimits.Default with { OutputBytes = (long)PayloadMiB << 20, LogBytes = (long)RunLogMiB << 20 };
}

/// <summary>How this worker proves to the API that it is one. Bound from "Flows:Security".</summary>
public sealed class WorkerSecurityOptions
{
    public const string Section = "Flows:Security";

    /// <summary>The token that the API expects on /internal. Required outside development.</summary>
    public string WorkerToken { get; set; } = "";
}

internal sealed class WorkerTokenCheck(IHostEnvironment environment) : IValidateOptions<WorkerSecurityOptions>
{
    public ValidateOptionsResult Validate(string? name, WorkerSecurityOptions options) =>
        options.WorkerToken.Length > 0 || environment.IsDevelopment()
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail("Flows__Security__WorkerToken is not set; a worker needs the token that the API was given.");
}

/// <summary>Where the API is. Bound from "Flows:Api"; what is missing is taken from the service discovery settings of the resource "api".</summary>
public sealed class ApiOptions
{
    public const string Section = "Flows:Api";

    /// <summary>Scheme, host and port, e.g. <c>http://api:8080</c>.</summary>
    public string Url { get; set; } = "";
}

internal sealed class ApiAddress(IConfiguration configuration) : IPostConfigureOptions<ApiOptions>, IValidateOptions<ApiOptions>
{
    public void PostConfigure(string? name, ApiOptions options)
    {
        if (options.Url.Length == 0)
            options.Url = configuration["services:api:http:0"] ?? configuration["services:api:https:0"] ?? "";
    }

    public ValidateOptionsResult Validate(string? name, ApiOptions options)
    {
        if (options.Url.Length == 0)
            return ValidateOptionsResult.Fail($"{ApiOptions.Section}:Url is not set; a worker needs the address of the API.");
        return Uri.TryCreate(options.Url, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{ApiOptions.Section}:Url is '{options.Url}', which is not an http or https address.");
    }
}
