using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Flows.Api.Connections;
using Flows.Api.Flows;
using Flows.Contracts.Definitions;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Triggers;

/// <summary>Keeps a flow's rows in <c>flow_triggers</c> and <c>flow_hooks</c> in step with the flow.</summary>
internal sealed class TriggerPlan(FlowCatalogue catalogue, SecretEnvelope envelope, PublicUrl url, PieceBell bell)
{
    private const int SecretBytes = 32;

    /// <summary>
    /// Called by whoever publishes, enables, disables or deletes a flow, in the same transaction. A trigger that asks the same of the same service
    /// keeps its cursor or its hook, and one that was paused goes on; another one, and one of a flow that was switched off, begins with what is new
    /// from now on.
    /// </summary>
    /// <param name="request">Tells the address of this installation where no setting does.</param>
    public async Task ApplyAsync(FlowsDb db, HttpRequest request, Guid flowId, DateTimeOffset now, CancellationToken cancel)
    {
        var found = await db.Flows.Where(flow => flow.Id == flowId && flow.Enabled)
            .Join(db.FlowVersions, flow => flow.PublishedVersionId, version => version.Id, (flow, version) => new { flow.ProjectId, version.Definition })
            .SingleOrDefaultAsync(cancel);
        var trigger = found is null ? null : DefinitionReader.Read(JsonElement.Parse(found.Definition), catalogue: null).Definition?.Trigger;
        var kind = trigger is null ? null : KindOf(trigger, catalogue.Engine);
        await PollAsync(db, flowId, kind == "polling" ? found!.ProjectId : null, trigger, now, cancel);
        await HookAsync(db, request, flowId, kind == "hook" ? found!.ProjectId : null, trigger, now, cancel);
    }

    /// <summary>Called after the commit: what is due now is begun now.</summary>
    public void Announce() => bell.Ring();

    /// <param name="project">Null: the flow shall have no polling trigger.</param>
    private static async Task PollAsync(FlowsDb db, Guid flowId, Guid? project, FlowTrigger? trigger, DateTimeOffset now, CancellationToken cancel)
    {
        if (project is not { } projectId)
        {
            await db.Database.ExecuteSqlAsync($"DELETE FROM flow_triggers WHERE flow_id = {flowId}", cancel);
            return;
        }
        var (input, identity) = (InputOf(trigger!), Identity(trigger!));
        // The marks of another trigger go with its row.
        await db.Database.ExecuteSqlAsync($"DELETE FROM flow_triggers WHERE flow_id = {flowId} AND identity <> {identity}", cancel);
        var every = (long)(PollInterval.Of(trigger!.Input) ?? PollInterval.Longest).TotalMilliseconds;
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO flow_triggers AS t (flow_id, project_id, identity, piece, event, input, connection, every_ms, due_at)
            VALUES ({flowId}, {projectId}, {identity}, {trigger.Piece}, {trigger.Event}, {input}::json, {trigger.Connection}, {every}, {now})
            ON CONFLICT (flow_id) DO UPDATE SET input = EXCLUDED.input, every_ms = EXCLUDED.every_ms,
                due_at = CASE WHEN t.failures > 0 OR t.due_at IS NULL THEN EXCLUDED.due_at
                              ELSE least(t.due_at, EXCLUDED.due_at + make_interval(secs => EXCLUDED.every_ms / 1000.0)) END,
                paused_reason = NULL, failures = 0
            """, cancel);
    }

    /// <param name="project">Null: the flow shall have no hook.</param>
    private async Task HookAsync(FlowsDb db, HttpRequest request, Guid flowId, Guid? project, FlowTrigger? trigger, DateTimeOffset now, CancellationToken cancel)
    {
        // An address by itself makes another hook: what an installation has registered under its old name must be taken away there.
        var identity = project is null ? "" : $"{Identity(trigger!)} {url.Of(request, "")}";
        // What is not registered may be so all the same, when the worker that did it has died: the service is asked. Only what no worker has begun with goes at once.
        await db.Database.ExecuteSqlAsync($"DELETE FROM flow_hooks WHERE flow_id = {flowId} AND wanted AND identity <> {identity} AND attempt = 0", cancel);
        await db.Database.ExecuteSqlAsync($"""
            UPDATE flow_hooks SET wanted = false, due_at = {now}, failures = 0, paused_reason = NULL
            WHERE flow_id = {flowId} AND wanted AND identity <> {identity}
            """, cancel);
        if (project is not { } projectId)
            return;
        // One that was about to be taken away stays; one that has failed is tried again.
        var kept = await db.Database.ExecuteSqlAsync($"""
            UPDATE flow_hooks SET wanted = true, failures = 0, paused_reason = NULL, due_at = CASE WHEN wanted AND registered THEN NULL ELSE {now} END
            WHERE id = (SELECT id FROM flow_hooks WHERE flow_id = {flowId} AND identity = {identity} ORDER BY wanted DESC, id DESC LIMIT 1)
            """, cancel);
        if (kept > 0)
            return;
        // A person has entered the address at the service: the flow keeps it, whatever becomes of its trigger.
        var byHand = HookOf(trigger!)?.SecretField is not null;
        var id = byHand ? IdByHand(flowId, trigger!.Piece) : Guid.CreateVersion7(now);
        var secret = envelope.Seal(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretBytes))), HookWork.SecretPlaceOf(projectId, id));
        var address = url.Of(request, HookEndpoints.PathOf(flowId, id));
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO flow_hooks (id, flow_id, project_id, identity, piece, event, input, connection, url, sealed_secret, due_at)
            VALUES ({id}, {flowId}, {projectId}, {identity}, {trigger!.Piece}, {trigger.Event}, {InputOf(trigger)}::json, {trigger.Connection}, {address}, {secret}, {now})
            ON CONFLICT (id) DO UPDATE SET identity = EXCLUDED.identity, event = EXCLUDED.event, input = EXCLUDED.input, connection = EXCLUDED.connection, url = EXCLUDED.url,
                wanted = true, due_at = EXCLUDED.due_at, failures = 0, paused_reason = NULL
            """, cancel);
    }

    private static Guid IdByHand(Guid flowId, string piece) => new(SHA256.HashData(Encoding.UTF8.GetBytes($"hook by hand {flowId:N} {piece}")).AsSpan(0, 16), bigEndian: true);

    private HookDescription? HookOf(FlowTrigger trigger) =>
        catalogue.Piece(trigger.Piece)?.Triggers.FirstOrDefault(known => known.Name == trigger.Event)?.Hook;

    /// <summary>Adds what is wrong with the interval of a polling trigger.</summary>
    public static void Check(FlowTrigger trigger, EngineCatalogue catalogue, List<DefinitionProblem> problems)
    {
        if (KindOf(trigger, catalogue) == "polling" && PollInterval.Of(trigger.Input) is null)
            problems.Add(new DefinitionProblem($"$.trigger.input.{PollInterval.Input}", $"It must be a time from {PollInterval.Shortest} to {PollInterval.Longest}, such as {PollInterval.Otherwise}."));
    }

    private static string? KindOf(FlowTrigger trigger, EngineCatalogue catalogue) =>
        catalogue.Pieces.FirstOrDefault(piece => piece.Name == trigger.Piece)?.Triggers.FirstOrDefault(known => known.Name == trigger.Event)?.Kind;

    private static string InputOf(FlowTrigger trigger) => trigger.Input.ValueKind == JsonValueKind.Object ? trigger.Input.GetRawText() : "{}";

    // How often it is asked is no part of what is asked.
    private static string Identity(FlowTrigger trigger)
    {
        var inputs = trigger.Input.ValueKind == JsonValueKind.Object
            ? trigger.Input.EnumerateObject().Where(input => input.Name != PollInterval.Input).OrderBy(input => input.Name, StringComparer.Ordinal)
                .Select(input => $"{input.Name}={JsonSerializer.Serialize(input.Value, CatalogueJson.Default.JsonElement)}")
            : [];
        var text = string.Join('\n', [trigger.Piece, trigger.Event, trigger.Connection ?? "", .. inputs]);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
