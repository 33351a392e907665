using Flows.Api.Runs;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Webhooks;

/// <param name="IsNew">False: an earlier call with the same Idempotency-Key has started it.</param>
internal sealed record AcceptedCall(Guid RunId, bool IsNew);

/// <param name="RunId">The id that the run will have.</param>
internal sealed record WaitingCaller(Guid RunId, RunWaiters.Waiter Waiter);

/// <summary>Makes runs of calls that the gate lets through, once for each Idempotency-Key.</summary>
internal sealed class WebhookIntake(
    WebhookGate gate, WebhookRuleBook book, WebhookTrigger triggers, RunStarter starter, RunReader runs, NpgsqlDataSource db, TimeProvider clock)
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(500);

    /// <param name="flow">Enabled, published and started by a webhook.</param>
    /// <param name="waiter">Set when the caller waits for the run's answer.</param>
    /// <returns>The run, or the answer that the call gets instead. The run's id is in the headers of the answer by then.</returns>
    public async Task<(AcceptedCall? Accepted, IResult? Answer)> AcceptAsync(PublishedFlow flow, HttpContext http, WaitingCaller? waiter, CancellationToken cancel)
    {
        var (call, answer) = await gate.AdmitAsync(flow.ProjectId, flow.FlowId, book.Of(flow.VersionId!.Value, flow.TriggerInput), http, cancel);
        if (call is null)
            return (null, answer);
        var key = CallKey.Read(http.Request, call.Body, out var keyProblem);
        if (keyProblem is not null)
            return (null, Problems.BadRequest(CallKey.Header, keyProblem));
        var tags = RunTags.Read(http.Request, out var tagProblem);
        if (tagProblem is not null)
            return (null, Problems.BadRequest(tagProblem.Path, tagProblem.Message));

        var runId = waiter?.RunId ?? starter.NewId();
        var trigger = await triggers.ReadWithFilesAsync(http.Request, call.Body, call.HiddenHeader, runId, cancel);
        var isNew = true;
        if (key is null)
        {
            await starter.StartAsync(flow, runId, RunOrigin.Webhook, trigger, waiter?.Waiter, cancel, tags);
        }
        else
        {
            var outcome = await starter.StartOnceAsync(flow, runId, RunOrigin.Webhook, trigger, waiter?.Waiter, tags, key.Hash, key.Call, cancel);
            if (!outcome.SameBody)
            {
                return (null, RunProblems.Of(StatusCodes.Status422UnprocessableEntity, "key_reused",
                    $"Another call with this {CallKey.Header} had another method, query or body. A key stands for one call."));
            }
            (runId, isNew) = (outcome.RunId, outcome.IsNew);
            if (!isNew)
                http.Response.Headers[CallKey.ReplayedHeader] = "true";
        }
        http.Response.Headers[WebhookEndpoints.RunIdHeader] = runId.ToString();
        return (new AcceptedCall(runId, isNew), null);
    }

    /// <summary>A test run of the draft, under the rules of the draft.</summary>
    public async Task<(AcceptedCall? Accepted, IResult? Answer)> AcceptDraftAsync(Guid flowId, HttpContext http, CancellationToken cancel)
    {
        if (await ReadDraftAsync(flowId, cancel) is not { } draft)
            return (null, RunProblems.NoSuchFlow());
        if (draft.Piece != WebhookRules.Piece)
            return (null, RunProblems.Of(StatusCodes.Status409Conflict, "not_a_webhook", $"The draft is started by '{draft.Piece}', not by a webhook."));
        var (call, answer) = await gate.AdmitAsync(draft.ProjectId, flowId, WebhookRuleBook.Read(draft.Input), http, cancel);
        if (call is null)
            return (null, answer);
        var tags = RunTags.Read(http.Request, out var tagProblem);
        if (tagProblem is not null)
            return (null, Problems.BadRequest(tagProblem.Path, tagProblem.Message));

        var runId = starter.NewId();
        var trigger = await triggers.ReadWithFilesAsync(http.Request, call.Body, call.HiddenHeader, runId, cancel);
        if (await starter.StartDraftAsync(draft.ProjectId, flowId, runId, RunOrigin.Webhook, trigger, tags, cancel) is null)
            return (null, RunProblems.NoSuchFlow());
        http.Response.Headers[WebhookEndpoints.RunIdHeader] = runId.ToString();
        return (new AcceptedCall(runId, IsNew: true), null);
    }

    /// <summary>
    /// The news of a run that another call has started, which may still hold its caller: so it is looked for, not waited for. Null when it has
    /// none in time.
    /// </summary>
    public async Task<RunNews?> WaitForAsync(Guid runId, TimeSpan limit, CancellationToken cancel)
    {
        var start = clock.GetTimestamp();
        while (true)
        {
            if (await runs.NewsAsync([runId], cancel) is [var news])
                return news;
            if (clock.GetElapsedTime(start) >= limit)
                return null;
            await Task.Delay(s_look, clock, cancel);
        }
    }

    private async Task<Draft?> ReadDraftAsync(Guid flowId, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("""
            SELECT project_id, draft -> 'trigger' ->> 'piece', nullif(draft -> 'trigger' ->> 'input', '{}') FROM flows WHERE id = $1 AND deleted_at IS NULL
            """);
        command.Parameters.Add(RunSql.Value(flowId, NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? new Draft(row.GetGuid(0), row.TextOrNull(1), row.TextOrNull(2)) : null;
    }

    private sealed record Draft(Guid ProjectId, string? Piece, string? Input);
}

internal static class WebhooksSetup
{
    public static void AddWebhooks(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<WebhookOptions>().BindConfiguration(WebhookOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<WebhookRuleBook>();
        services.AddSingleton<WebhookSecrets>();
        services.AddSingleton<CallRates>();
        services.AddSingleton<WebhookGate>();
        services.AddSingleton<WebhookIntake>();
    }
}
