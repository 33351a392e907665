using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces;

/// <summary>Does what a piece is asked outside of a run.</summary>
internal sealed class PieceCalls(PieceCatalog pieces, OutboundHttp http, TimeProvider clock)
{
    /// <summary>Never throws for what a piece or a service does; an answer within the call's time, or soon after it.</summary>
    public async Task<PieceAnswer> AnswerAsync(PieceRequest call, CancellationToken cancel)
    {
        if (call.ConnectionProblem is { } problem)
            return Failed(call, problem.Code, problem.Message, isTransient: false, problem.Detail);
        if (call.Kind == PieceCallKind.Expressions)
            return Evaluated(call);
        var secrets = SecretsOf(call);
        using var late = new CancellationTokenSource(TimeSpan.FromMilliseconds(call.TimeoutMs), clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, late.Token);
        PieceAnswer answer;
        IReadOnlyList<string> unknown = [];
        try
        {
            call = Filled(call, out unknown);
            var context = new PieceContext(call.CallId, call.FlowId ?? Guid.Empty, call.CallId.ToString("N"), call.Connection, http, clock, call.MaxBytes);
            // A piece that does not listen to its token must not hold the answer up.
            answer = Checked(await DoAsync(call, context, either.Token).WaitAsync(either.Token), call);
        }
        catch (Exception) when (late.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            answer = Failed(call, StepErrorCodes.Timeout, $"it was given up after {call.TimeoutMs / 1000d:0.###} s.", isTransient: true);
        }
        catch (Exception error) when (!cancel.IsCancellationRequested)
        {
            answer = Failed(call, error);
        }
        if (answer.Error is { } failure && unknown.Count > 0)
            answer = answer with { Error = failure with { Message = $"{failure.Message} Left out, because there is no sample for it: {string.Join("; ", unknown.Take(3))}." } };
        return Masked(answer, secrets);
    }

    // No service is asked, no secret is there, and the limits of the evaluation bound the time.
    private PieceAnswer Evaluated(PieceRequest call)
    {
        try
        {
            return JsonSerializer.Deserialize(call.Input.Utf8.Span, EngineJson.Default.ExpressionQuestion) is { Expressions: not null, Context: not null } question
                ? new PieceAnswer(call.CallId, Values: Preview.Of(question, clock))
                : Failed(call, StepErrorCodes.Input, "there are no expressions and no context.", isTransient: false);
        }
        catch (JsonException error)
        {
            return Failed(call, StepErrorCodes.Input, $"the question cannot be read: {error.Message}", isTransient: false);
        }
    }

    /// <summary>The input with sample data in the place of its expressions.</summary>
    /// <param name="unknown">Why fields are missing for which there is no sample.</param>
    private PieceRequest Filled(PieceRequest call, out IReadOnlyList<string> unknown)
    {
        unknown = [];
        if (call.Context is not { } json || JsonSerializer.Deserialize(json.Utf8.Span, EngineJson.Default.PreviewContext) is not { } context)
            return call;
        (var input, unknown) = Preview.Fill(call.Input, context, clock);
        return call with { Input = input.ToRawJson() };
    }

    // Only what the piece calls secret: the name of an account or a host is what an answer may be about.
    private Secrets SecretsOf(PieceRequest call)
    {
        var held = new List<RawJson>();
        if (call.Connection is { } connection)
        {
            // With basic authentication both fields together are a secret of another form.
            held.Add(pieces.Find(call.Piece)?.Auth is { Kind: not "basic" } auth && Value.FromJson(connection) is { Kind: ValueKind.Object } fields
                ? ValueObject.Of(fields.AsObject.Keys.Zip(fields.AsObject.Values, KeyValuePair.Create)
                    .Where(field => !auth.Fields.Any(known => known.Name == field.Key && known.Control != "secret"))).ToRawJson()
                : connection);
        }
        if (call.Hook is { } hook)
            held.Add(ValueObject.Of([new("secret", Value.Of(hook.Secret))]).ToRawJson());
        return new Secrets(held);
    }

    private async Task<PieceAnswer> DoAsync(PieceRequest call, PieceContext context, CancellationToken cancel)
    {
        var piece = pieces.Find(call.Piece) ?? throw PieceException.Input($"this engine has no piece '{call.Piece}'.");
        switch (call.Kind)
        {
            case PieceCallKind.Options:
                var source = piece.Sources.FirstOrDefault(known => known.Name == call.Part)
                    ?? throw PieceException.Input($"the piece '{call.Piece}' has no options '{call.Part}'.");
                var form = Value.FromJson(call.Input);
                var options = await source.ListAsync(
                    new OptionQuestion(form.Kind == ValueKind.Object ? form : ValueObject.Of([]), call.Search?.Trim() ?? ""), context, cancel);
                return new PieceAnswer(call.CallId, Options: options);
            case PieceCallKind.Test:
                return new PieceAnswer(call.CallId, Account: await piece.TestAsync(context, cancel));
        }
        var trigger = piece.Triggers.FirstOrDefault(known => known.Name == call.Part)
            ?? throw PieceException.Input($"the piece '{call.Piece}' has no trigger '{call.Part}'.");
        var input = ActionInput.Bind(trigger.Props, Value.FromJson(call.Input));
        switch (call.Kind)
        {
            case PieceCallKind.Poll:
                return new PieceAnswer(call.CallId, Events: await trigger.PollAsync(input, call.Cursor is { IsNull: false } cursor ? cursor : null, context, cancel));
            case PieceCallKind.Sample:
                var found = await trigger.SampleAsync(input, context, cancel);
                return new PieceAnswer(call.CallId, Events: new TriggerEvents([.. found.Items.TakeLast(TriggerEvents.MostSamples)]));
            case PieceCallKind.Enable when call.Hook is { } hook:
                return new PieceAnswer(call.CallId, State: await trigger.EnableAsync(input, hook, context, cancel));
            case PieceCallKind.Disable when call.Hook is { } hook:
                await trigger.DisableAsync(input, hook, context, cancel);
                return new PieceAnswer(call.CallId);
            default:
                throw PieceException.Input($"this engine does not know the call '{call.Kind}'.");
        }
    }

    private static PieceAnswer Checked(PieceAnswer answer, PieceRequest call)
    {
        if (answer.Options is { Count: > PropOption.Most } many)
            return answer with { Options = [.. many.Take(PropOption.Most)] };
        if (answer.Events is not { } events)
            return answer;
        if (events.Items.Count > TriggerEvents.MostItems)
            throw PieceException.Final($"the trigger gave {events.Items.Count} items at once; {TriggerEvents.MostItems} are allowed (limit: items).", StepErrorCodes.Limit);
        var bytes = events.Items.Sum(item => (long)item.Output.Length) + (events.Cursor?.Length ?? 0);
        return bytes <= call.MaxBytes ? answer
            : throw PieceException.Final($"what the trigger gave has {bytes} bytes; {call.MaxBytes} are allowed (limit: Flows__Limits__PayloadMiB).", StepErrorCodes.Limit);
    }

    private static PieceAnswer Masked(PieceAnswer answer, Secrets secrets) => answer with
    {
        Error = answer.Error is { } error ? new StepError(error.Code, secrets.Hide(error.Message)!, error.Detail is { } detail ? secrets.Hide(detail) : null) : null,
        Events = answer.Events is { } events
            ? events with { Items = [.. events.Items.Select(item => item with { Output = secrets.Hide(item.Output) })] }
            : null,
        Options = answer.Options is { } options ? [.. options.Select(option => new PropOption(secrets.Hide(option.Value)!, secrets.Hide(option.Label)!))] : null,
        Account = secrets.Hide(answer.Account),
    };

    private static PieceAnswer Failed(PieceRequest call, Exception error) => error switch
    {
        PieceException piece => Failed(call, piece.Code, piece.Message, piece.IsTransient, piece.Detail),
        StepException step => Failed(call, step.Code, step.Message, step.IsTransient, step.Detail),
        _ when NetworkRefusedException.In(error) is { } refused => Failed(call, NetworkRefusedException.Code, refused.Message, isTransient: false),
        JsonException json => Failed(call, StepErrorCodes.Limit, $"the answer cannot be kept as JSON: {json.Message}", isTransient: false),
        _ => Failed(call, StepErrorCodes.Internal, $"a fault in Flows ended it ({error.GetType().Name}).", isTransient: true),
    };

    private static PieceAnswer Failed(PieceRequest call, string code, string message, bool isTransient, RawJson? detail = null) =>
        new(call.CallId, new StepError(code, $"{call.Piece}{(call.Part.Length == 0 ? "" : $".{call.Part}")}: {message}", detail), isTransient);
}
