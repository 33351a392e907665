using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Connections;
using Flows.Api.Flows;
using Flows.Api.Reference;
using Flows.Api.Runs;
using Flows.Api.Webhooks;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Mvc;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Triggers;

/// <summary>An address that a service was given.</summary>
/// <param name="Input">Of the trigger, as in the definition.</param>
/// <param name="Secret">The hook's own.</param>
internal sealed record HookDoor(Guid ProjectId, string Piece, string Event, JsonElement Input, string? Connection, string Secret);

/// <summary>Finds hooks by their ids, mostly from memory: what changes is seen within seconds.</summary>
internal sealed class HookDoors(NpgsqlDataSource db, SecretEnvelope envelope, TimeProvider clock)
{
    private static readonly TimeSpan s_keep = TimeSpan.FromSeconds(2);
    private const int MaxKept = 1_000;
    private readonly ConcurrentDictionary<(Guid Flow, Guid Hook), (long At, HookDoor? Door)> _kept = new();

    /// <summary>Null when the flow has no such hook any more, or its secret cannot be opened.</summary>
    public async ValueTask<HookDoor?> FindAsync(Guid flowId, Guid hookId, CancellationToken cancel)
    {
        var key = (flowId, hookId);
        if (!_kept.TryGetValue(key, out var kept) || clock.GetElapsedTime(kept.At) > s_keep)
        {
            if (_kept.Count >= MaxKept)
                _kept.Clear(); // strangers asking for ids that do not exist must not fill the memory
            _kept[key] = kept = (clock.GetTimestamp(), await ReadAsync(flowId, hookId, cancel));
        }
        return kept.Door;
    }

    private async Task<HookDoor?> ReadAsync(Guid flowId, Guid hookId, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT project_id, piece, event, input, connection, sealed_secret FROM flow_hooks WHERE id = $2 AND flow_id = $1 AND wanted");
        command.Parameters.Add(RunSql.Value(flowId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(hookId, NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return null;
        try
        {
            var project = row.GetGuid(0);
            return new HookDoor(project, row.GetString(1), row.GetString(2), row.JsonOrNull(3)?.ToElement() ?? default,
                row.TextOrNull(4), Encoding.ASCII.GetString(envelope.Open(row.GetFieldValue<byte[]>(5), HookWork.SecretPlaceOf(project, hookId))));
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }
}

/// <summary>Takes what services send to the addresses that pieces have registered there.</summary>
internal static class HookEndpoints
{
    public static string PathOf(Guid flowId, Guid hookId) => $"/webhooks/{flowId}/hooks/{hookId}";

    public static IEndpointRouteBuilder MapHooks(this IEndpointRouteBuilder app)
    {
        var route = app.MapPost("/webhooks/{flowId:guid}/hooks/{hookId:guid}", Receive).AllowAnonymous("Services call it; the hook's secret is what they prove themselves with.").AddEndpointFilter<UnavailableFilter>().WithTags("Webhooks")
            .WithMetadata(new SkipStatusCodePagesAttribute()).WithSummary("Where a service sends the events of a flow's trigger; pieces register it")
            .ReadsBody("The event, as the service sends it.", """{ "action": "opened", "number": 42 }""")
            .Produces<AcceptedRun>(StatusCodes.Status202Accepted).Produces<IgnoredEvent>(StatusCodes.Status200OK);
        foreach (var status in (int[])[400, 401, 404, 409, 413, 429, 503])
            route.ProducesProblem(status);
        return app;
    }

    private static async Task<IResult> Receive(
        Guid flowId, Guid hookId, HttpContext http, PublishedFlows flows, HookDoors doors, FlowCatalogue catalogue, WebhookGate gate, RunStarter starter, CancellationToken cancel)
    {
        var flow = await flows.FindAsync(flowId, cancel);
        if (flow is null || await doors.FindAsync(flowId, hookId, cancel) is not { } door
            || catalogue.Piece(door.Piece)?.Triggers.FirstOrDefault(known => known.Name == door.Event)?.Hook is not { } hook)
            return RunProblems.Of(StatusCodes.Status404NotFound, "hook_not_found", "There is no such address: the flow is gone, disabled, or started by something else now.");
        if (!flow.Enabled || flow.VersionId is null)
            return RunProblems.Disabled();

        var (call, answer) = await gate.AdmitAsync(door.ProjectId, flowId, RulesOf(hook, door.Secret, door.Connection), http, cancel);
        if (call is null)
            return answer!;
        var data = RequestBody.ParseJson(call.Body);
        var name = HookEvents.NameOf(hook, http.Request, data);
        if (!HookEvents.IsAskedFor(hook, door.Input, name, data))
            return TypedResults.Ok(new IgnoredEvent(name));

        var id = HookEvents.IdOf(hook, http.Request, data);
        var trigger = HookEvents.OutputOf(name, id, data);
        var runId = starter.NewId();
        if (id is null)
        {
            await starter.StartAsync(flow, runId, RunOrigin.Webhook, trigger, waiter: null, cancel);
        }
        else
        {
            // Services send again what was not confirmed in time: the event is the same whatever else differs.
            var key = SHA256.HashData(Encoding.UTF8.GetBytes($"hook {hookId:N} {id}"));
            var outcome = await starter.StartOnceAsync(flow, runId, RunOrigin.Webhook, trigger, waiter: null, [], key, key, cancel);
            runId = outcome.RunId;
            if (!outcome.IsNew)
                http.Response.Headers[CallKey.ReplayedHeader] = "true";
        }
        http.Response.Headers[WebhookEndpoints.RunIdHeader] = runId.ToString();
        return TypedResults.Accepted((string?)null, new AcceptedRun(runId));
    }

    /// <param name="secret">The hook's own.</param>
    /// <param name="connection">Whose field is the secret instead, for a service that signs with one that it has made.</param>
    internal static WebhookRules RulesOf(HookDescription hook, string secret, string? connection = null)
    {
        var isHmac = hook.Proof == "hmac";
        return new WebhookRules(
            isHmac ? WebhookProof.Hmac : WebhookProof.Header, hook.SecretField is null ? null : connection ?? "", hook.SecretField is null ? secret : null, Username: null, hook.Header,
            isHmac ? new WebhookSignature(hook.Header, hook.Algorithm, hook.Encoding == "base64", hook.Prefix, hook.TimestampHeader, hook.TimestampPrefix,
                TimeSpan.FromSeconds(hook.ToleranceSeconds), hook.Signed) : null,
            hook.Handshake == "slack" ? WebhookHandshake.Slack : WebhookHandshake.None, "", VerifyToken: null, Allow: [], PerMinute: null)
        { SecretField = hook.SecretField };
    }

    /// <param name="Ignored">An event that the flow is not started by.</param>
    internal sealed record IgnoredEvent(string Ignored);
}
