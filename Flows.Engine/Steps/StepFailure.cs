using System.Text.Json;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;

namespace Flows.Engine.Steps;

/// <summary>A step cannot go on, and why, in words for the flow's builder. Executors throw it; <see cref="FlowRunner"/> makes data of it.</summary>
/// <param name="code">One of <see cref="StepErrorCodes"/>, or what a code runner reports.</param>
/// <param name="transient">True when trying again may help: a retry policy that names no errors retries these.</param>
internal sealed class StepException(string code, string message, bool transient = false, RawJson? detail = null) : Exception(message)
{
    public string Code => code;
    public bool IsTransient => transient;
    public RawJson? Detail => detail;

    /// <summary>A field of the step has the wrong value.</summary>
    public static StepException Input(string message) => new(StepErrorCodes.Input, message);

    /// <summary>One step uses more than it may. <paramref name="limit"/> is the name in EngineLimits.</summary>
    public static StepException Limit(string limit, string message) => new(StepErrorCodes.Limit, $"{message} (limit: {limit})");
}

/// <summary>The run as a whole has used up a limit: no onError can go on past that.</summary>
internal sealed class RunLimitException(string limit, string message) : Exception($"{message} (limit: {limit})");

/// <summary>A crash has left the intent of an effect and no result, and the step's policy is to ask a person.</summary>
internal sealed class DecisionNeededException : Exception;

/// <summary>The codes the engine itself gives; pieces add their own, e.g. <c>http_4xx</c>.</summary>
internal static class StepErrorCodes
{
    public const string Input = "input";
    public const string Expression = "expression";
    public const string Limit = "limit";
    public const string Timeout = "timeout";
    public const string NotReached = "not_reached";
    public const string Network = "network";
    public const string CodeError = "code_error";
    public const string Uncertain = "uncertain";
    public const string Stopped = "stopped";
    public const string Definition = "definition";
    public const string Internal = "internal";
    public const string WaitExpired = "wait_expired";
    public const string CallFailed = "call_failed";
}

/// <summary>A failed step: where, why, and whether another try may help.</summary>
/// <param name="Path">The innermost step that failed.</param>
internal sealed record StepFailure(string Path, StepError Error, bool IsTransient = false)
{
    private const int LongestMessage = 4_000;
    private const int LargestDetail = 64 << 10;

    /// <summary>What an exception means for the step <paramref name="name"/>. One that is not about the flow says only that Flows is at fault.</summary>
    public static StepFailure From(Exception error, string name, string path)
    {
        return error switch
        {
            StepException own => Of(own.Code, own.Message, own.IsTransient, own.Detail),
            PieceException piece => Of(piece.Code, piece.Message, piece.IsTransient, piece.Detail),
            ExpressionException { IsLimit: true } limit => Of(StepErrorCodes.Limit, limit.Message),
            ExpressionException expression => Of(StepErrorCodes.Expression, expression.Message),
            RunLimitException limit => Of(StepErrorCodes.Limit, limit.Message),
            // A builder has to know that it was the policy and not the service.
            _ when NetworkRefusedException.In(error) is { } refused => Of(NetworkRefusedException.Code, refused.Message),
            JsonException json => Of(StepErrorCodes.Limit, $"the output cannot be kept as JSON: {json.Message}"),
            _ => Of(StepErrorCodes.Internal, $"a fault in Flows, not in this flow, ended the step ({error.GetType().Name}).", transient: true),
        };

        StepFailure Of(string code, string message, bool transient = false, RawJson? detail = null) =>
            new(path, new StepError(code, Shortened($"Step '{name}': {message}"), detail is { Length: > LargestDetail } ? null : detail), transient);
    }

    /// <summary>As much of a message as lists, mails and the lines of the steps around can hold: what a service or code says may have any length.</summary>
    public static string Shortened(string message) => message.Length <= LongestMessage ? message : LoneSurrogates.Repair(message[..LongestMessage] + "…");

    /// <summary>The error as the line of a step around the failed one tells it: <see cref="Inside"/> finds the way back.</summary>
    public StepError Around(string name) => new(
        Error.Code,
        $"Step '{name}' failed at '{Path}': {Error.Message}",
        ValueObject.Of(
        [
            new("step", Value.Of(Path)),
            new("message", Value.Of(Error.Message)),
            new("detail", Error.Detail is { } detail ? Value.FromJson(detail) : Value.Null),
        ]).ToRawJson());

    /// <summary>The failure a line tells of: that of the step itself, or of a step inside it.</summary>
    public static StepFailure Inside(string path, StepError error)
    {
        if (error.Detail is not { } detail || Value.FromJson(detail) is not { Kind: ValueKind.Object } told
            || !told.AsObject.TryGet("step", out var step) || !told.AsObject.TryGet("message", out var message))
        {
            return new StepFailure(path, error);
        }
        RawJson? own = told.AsObject.TryGet("detail", out var inner) && !inner.IsNull ? inner.ToRawJson() : null;
        return new StepFailure(step.ToString(), new StepError(error.Code, message.ToString(), own));
    }

    /// <summary>What <c>{{errors.name}}</c> is.</summary>
    public static Value AsValue(StepError error) => ValueObject.Of(
    [
        new("code", Value.Of(error.Code)),
        new("message", Value.Of(error.Message)),
        new("detail", error.Detail is { } detail ? Value.FromJson(detail) : Value.Null),
    ]);
}
