using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace Flows.Api.Reference;

/// <summary>
/// The examples of bodies and answers. They are put together from their schemas, so that an example has every field that the type has and no other;
/// what a field holds there is in the table below: by type and field, or by field alone. A field that is in neither is null where that is allowed.
/// A test lists the texts for which there is no value.
/// </summary>
internal static class ExampleValues
{
    /// <summary>What stands for a text or a JSON value that the table does not know.</summary>
    public const string Unknown = "?";
    private const int MostLevels = 8;

    private static readonly JsonObject s_values = JsonNode.Parse("""
        {
          "id": "0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10", "flowId": "0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10", "runId": "0199b3d0-1c55-7e0a-8a31-5b7d0c9e4f21",
          "nowRunId": "0199b3d0-1c55-7e0a-8a31-5b7d0c9e4f21", "projectId": "0199b3a0-0000-7000-8000-0000000000a1", "userId": "0199b3a0-4a10-7b22-9c01-2f6f1e8d7a33",
          "createdAt": "2026-03-02T09:15:04.12Z", "updatedAt": "2026-03-02T09:20:31.5Z", "startedAt": "2026-03-02T09:15:04.13Z", "finishedAt": "2026-03-02T09:15:04.39Z",
          "lastUsedAt": "2026-03-02T09:14:58Z", "lastOkAt": "2026-03-02T09:15:00Z", "at": "2026-03-02T09:20:31.5Z", "since": "2026-01-12T08:00:00Z",
          "seenAt": "2026-03-02T09:15:02Z", "lastAt": "2026-03-02T09:15:04.12Z", "nextCallAt": "2026-03-02T09:20:00Z", "deletedAt": "2026-03-02T09:20:31.5Z", "purgeAt": "2026-04-01T09:20:31.5Z",
          "name": "Orders", "title": "Send a message", "description": "Posts to a channel.", "key": "orders", "email": "olga@example.com", "note": "Retries the charge",
          "createdBy": "Olga", "invitedBy": "Olga", "actor": "Olga", "role": "Editor", "prefix": "flk_7Qd2mZpX", "message": "There is no piece 'slak'.", "path": "$.steps[0].piece",
          "code": "service_refused", "detail": "There is no flow 0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10.", "version": 2, "number": 2, "publishedVersion": 2, "draftRevision": 3, "revision": 4,
          "enabled": true, "tags": ["shop", "daily"], "attempt": 1, "published": true, "isTransient": false, "kind": "polling", "piece": "slack", "event": "new_message",
          "scopes": ["runs:start", "runs:read"], "format": "flows", "field": "$.input.amount", "place": "$.steps",
          "definition": { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [ { "name": "greet", "kind": "respond", "input": { "body": { "hello": "{{ trigger.body.name }}" } } } ] },

          "FlowView.webhookUrl": "https://flows.example.com/webhooks/0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10", "FlowView.folderId": "0199b3c0-2d11-7f00-8b4e-6a1c9d3e5f70",
          "FlowView.recent": { "statuses": ["Succeeded", "Failed"], "counts": { "Succeeded": 1, "Failed": 1 }, "lastAt": "2026-03-02T09:15:04.12Z" },
          "CreateFlowRequest.key": "orders", "CreateFlowRequest.tags": ["shop"], "CreateFlowRequest.definition": { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [] },
          "ChangeFlowRequest.name": "Orders of the shop", "ChangeFlowRequest.tags": ["shop", "daily"], "ChangeFlowRequest.folderId": "0199b3c0-2d11-7f00-8b4e-6a1c9d3e5f70", "ChangeFlowRequest.key": null,
          "DuplicateFlowRequest.name": "Orders, second try", "BulkRequest.action": "tag", "BulkRequest.ids": ["0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10"], "BulkRequest.tags": ["shop"], "ManyFlows.done": ["0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10"], "ManyFlows.refused": [],
          "FolderView.name": "Shop", "FolderView.flows": 4, "FolderRequest.name": "Shop", "RestoreRequest.withoutKey": false,
          "PublishRequest.note": "Retries the charge", "AnnotateRequest.note": "Retries the charge", "VersionDiff.moved": [], "VersionDiff.removed": [],
          "PlacedStep.name": "charge", "ChangedStep.name": "greet", "FieldChange.field": "input.body", "FieldChange.from": { "hello": "world" }, "FieldChange.to": { "hello": "{{ trigger.body.name }}" },
          "FlowExport.format": "flows/1", "ImportResult.format": "n8n", "ImportNote.step": "send_mail", "ImportNote.message": "The node 'Send Mail' has no counterpart here; the step is skipped.", "ImportNote.skipped": true, "ImportedView.warnings": [],
          "ProjectExport.format": "project/1", "ProjectExport.name": "Shop", "ProjectExport.folders": ["Orders"], "ProjectExport.variables": { "limit": 1000 }, "ExportedFlow.key": "orders", "ExportedFlow.folder": "Orders",
          "ExportedConnection.key": "shop_slack", "ExportedConnection.name": "Slack of the shop", "ExportedConnection.kind": "secret", "ExportedConnection.piece": "slack",
          "ProjectImportView.folders": ["Orders"], "ProjectImportView.variables": ["limit"], "ProjectImportView.keptVariables": [],
          "DefinitionVerdict.valid": false, "DraftSaved.problems": [],

          "RunView.trigger": { "body": { "name": "Ada" } }, "RunView.output": { "hello": "Ada" }, "RunView.tags": ["order-42"], "RunView.status": "Succeeded", "RunView.environment": "Production",
          "RunView.failedStep": null, "RunView.error": null, "RunView.waitingFor": null, "RunView.retriedFrom": null, "RunView.calledBy": null, "RunView.largeTrigger": null, "RunView.largeOutput": null,
          "StepView.path": "greet", "StepView.name": "greet", "StepView.kind": "respond", "StepView.status": "Succeeded", "StepView.durationMs": 1.8, "StepView.input": { "body": { "hello": "Ada" } }, "StepView.output": { "status": 200 },
          "StepView.error": null, "StepView.largeInput": null, "StepView.largeOutput": null, "StepView.largeError": null, "StepView.effect": "Pure", "StepView.interrupted": false,
          "DecideRequest.path": "charge", "DecideRequest.decision": "happened", "DecideRequest.output": { "chargeId": "ch_42" }, "RetryRequest.from": "failed", "RetryRequest.version": "same",
          "RetryManyRequest.filter": { "status": ["Failed"], "from": "2026-03-02T00:00:00Z" }, "RetryManyRequest.from": "failed", "RetryManyRequest.version": "latest",
          "CancelManyRequest.ids": ["0199b3d0-1c55-7e0a-8a31-5b7d0c9e4f21"], "ManyRuns.more": false, "RefusedRun.code": "wrong_status", "RefusedRun.detail": "The run is over already: Succeeded.", "RefusedRun.runStatus": "Succeeded",
          "IgnoredEvent.ignored": "ping", "PendingRun.status": "Paused", "PendingRun.url": "https://flows.example.com/api/v1/runs/0199b3d0-1c55-7e0a-8a31-5b7d0c9e4f21",
          "ApprovalView.path": "ask", "ApprovalView.flow": "Invoices", "ApprovalView.message": "Pay invoice 42 over 1,200.00?", "ApprovalView.approvers": 1, "ApprovalView.votes": [],
          "saveFlowDraft.body": { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [] },
          "validateDefinition.body": { "schema": 1, "trigger": { "name": "trigger", "piece": "slak", "event": "new_message", "input": {} }, "steps": [] },
          "importFlows.body": { "format": "flows/1", "name": "Orders", "key": null, "definition": { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [] } },

          "ScheduleView.times": "0 9 * * MON-FRI", "ScheduleView.timeZone": "Europe/Vienna", "ScheduleView.missed": "once", "ScheduleView.jitter": "00:00:00", "ScheduleView.lastScheduledAt": "2026-03-02T09:00:00+01:00", "ScheduleView.lastFiredAt": "2026-03-02T08:00:00.21Z",
          "next": ["2026-03-03T09:00:00+01:00", "2026-03-04T09:00:00+01:00"], "PreviewRequest.event": "cron", "PreviewRequest.input": { "cron": "0 9 * * MON-FRI", "timeZone": "Europe/Vienna" },
          "TriggerView.health": "ok", "TriggerView.lastError": null, "TriggerView.every": "00:05:00", "TriggerView.polls": 288, "TriggerView.startedRuns": 12, "TriggerView.url": null,

          "ConnectionView.key": "shop_slack", "ConnectionView.name": "Slack of the shop", "ConnectionView.kind": "secret", "ConnectionView.fields": { "secret": null }, "ConnectionView.status": "ready", "ConnectionView.piece": "slack",
          "CreateConnectionRequest.key": "shop_slack", "CreateConnectionRequest.value": { "secret": "xoxb-…" }, "CreateConnectionRequest.name": "Slack of the shop", "CreateConnectionRequest.piece": "slack",
          "ChangeConnectionRequest.value": { "secret": "xoxb-…" }, "ConnectionTest.ok": true, "ConnectionTest.account": "shop-bot", "ConnectionTest.code": null, "ConnectionTest.message": null,
          "StartSignInRequest.returnTo": "/connections", "SignInStart.url": "https://accounts.example.com/authorize?client_id=shop&state=k3…", "SignInStart.expiresAt": "2026-03-02T09:30:31Z",
          "OAuthAppView.key": "google", "OAuthAppView.name": "Google of the shop", "clientId": "1042.apps.example.com", "PutOAuthAppRequest.clientSecret": "GOCSPX-…", "PutOAuthAppRequest.name": "Google of the shop",
          "VariableView.key": "shop_url", "VariableView.value": "https://shop.example.com", "PutVariableRequest.value": "https://shop.example.com",
          "OptionsRequest.source": "channels", "OptionsRequest.connection": "shop_slack", "OptionsRequest.search": "gen", "PropOption.value": "C024BE91L", "PropOption.label": "#general",
          "SampleRequest.connection": "shop_slack", "SampleRequest.input": { "channel": "C024BE91L" }, "SampleList.items": [ { "text": "Hello", "ts": "1740906904.000100" } ], "SampleList.isReal": true,

          "MeView.permissions": ["account:own", "flows:read", "runs:read"], "MeView.user": null, "MeView.role": "Viewer", "MeKey.name": "Reports", "ProjectName.name": "Default", "ProjectName.id": "0199b3a0-0000-7000-8000-0000000000a1",
          "MeProject.id": "0199b3a0-0000-7000-8000-0000000000a1", "MeProject.name": "Default", "MeProject.role": "Viewer", "MeUser.name": "Olga", "MemberView.name": "Olga", "MemberView.role": "Owner",
          "ProjectView.id": "0199b3a0-0000-7000-8000-0000000000a1", "ProjectView.name": "Default", "ProjectView.concurrentRuns": 0, "ProjectView.runTimeoutSeconds": 0, "ProjectView.pausedDays": 0, "ProjectView.webhookPerMinute": 600, "ProjectView.onUncertain": "ask", "ProjectDefaults.concurrentRuns": 0, "ProjectDefaults.runTimeoutSeconds": 600, "ProjectDefaults.pausedDays": 30, "ProjectDefaults.webhookPerMinute": 0,
          "ProjectCeiling.concurrentRuns": 100000, "ProjectCeiling.runTimeoutSeconds": 3600, "ProjectCeiling.pausedDays": 30, "ProjectCeiling.webhookPerMinute": 10000000,
          "ChangeProjectRequest.runTimeoutSeconds": 3600, "ChangeProjectRequest.pausedDays": 7, "ChangeProjectRequest.webhookPerMinute": 600, "ChangeProjectRequest.onUncertain": "retry", "CreateProjectRequest.name": "Shop", "ChangeProjectRequest.name": "Shop", "ChangeProjectRequest.concurrentRuns": 20,
          "InviteRequest.email": "olga@example.com", "InvitationView.expiresAt": "2026-03-09T09:20:31Z", "NewInvitation.expiresAt": "2026-03-09T09:20:31Z", "NewInvitation.link": "https://flows.example.com/join/fli_3n…",
          "ApiKeyView.name": "Reports", "ApiKeyView.expiresAt": "2027-01-01T00:00:00Z", "NewApiKey.name": "Reports", "NewApiKey.key": "flk_7Qd2mZpXw9…", "NewApiKey.expiresAt": "2027-01-01T00:00:00Z",
          "CreateApiKeyRequest.name": "Reports", "CreateApiKeyRequest.role": "Viewer", "CreateApiKeyRequest.scopes": ["runs:read"], "CreateApiKeyRequest.expiresAt": "2027-01-01T00:00:00Z",
          "SetupState.open": false, "SetupRequest.token": "the-token-of-the-set-up-link-0123", "SetupRequest.name": "Olga", "password": "a long pass phrase", "current": "a long pass phrase", "new": "another long pass phrase",
          "SessionView.current": true, "SessionView.address": "192.0.2.17", "SessionView.agent": "Mozilla/5.0",
          "AuditView.actorKind": "User", "AuditView.actorId": "0199b3a0-4a10-7b22-9c01-2f6f1e8d7a33", "AuditView.address": "192.0.2.17", "action": "flow.published", "AuditView.target": "flow:0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10",
          "AuditView.before": { "version": 1 }, "AuditView.after": { "version": 2, "note": "Retries the charge" },

          "engine": "1.0.0", "EngineCatalogue.kinds": ["action", "code", "loop", "router", "respond"], "EngineCatalogue.languages": ["javascript"], "FunctionDescription.name": "upper", "FunctionDescription.group": "Text", "FunctionDescription.signature": "upper(text)", "FunctionDescription.help": "The text in capital letters.",
          "PieceDescription.name": "slack", "PieceDescription.title": "Slack", "PieceDescription.description": "Messages of a Slack workspace.", "PieceDescription.canTest": true, "ActionDescription.name": "send_message", "TriggerDescription.name": "new_message", "TriggerDescription.title": "New message",
          "TriggerDescription.description": "Starts the flow for each message of a channel.", "TriggerDescription.hook": null, "TriggerDescription.sample": { "text": "Hello", "ts": "1740906904.000100" }, "AuthDescription.kind": "secret", "AuthDescription.title": "Bot token", "AuthDescription.oAuth": null, "AuthDescription.fields": [],
          "PropDescription.name": "channel", "PropDescription.title": "Channel", "PropDescription.type": "string", "PropDescription.control": "select", "PropDescription.required": true, "PropDescription.source": "channels", "PropDescription.default": null,
          "ActionDescription.effect": "Effect",

          "QueueView.provider": "Redis", "QueueView.waiting": { "Sync": 0, "Test": 0, "Normal": 3, "Bulk": 120 }, "QueueView.depth": 123, "QueueView.oldestWaitSeconds": 0.8, "BacklogView.oldestWaitSeconds": 0.8, "BacklogView.priority": "Normal", "BacklogView.waiting": 3,
          "QueueRate.from": "2026-03-02T09:15:00Z", "QueueRate.enqueued": 64, "QueueRate.finished": 63, "QueueRate.failed": 1,
          "WorkerView.id": "worker-1-5f0c", "WorkerView.alive": true, "WorkerView.version": "0.1.0", "WorkerView.host": "flows-worker-1", "WorkerView.processId": 4711, "WorkerView.concurrency": 10, "WorkerView.running": 2, "WorkerView.engines": 3,
          "WorkerView.executionMode": "SANDBOXED", "WorkerView.modeReason": "", "WorkerView.networkMode": "GUARDED", "WorkerView.networkReason": "", "WorkerView.limits": "the kernel holds each process to its memory and processes (control groups, version 2), the worker watches",
          "KeysView.current": "k2", "KeyView.id": "k2", "KeyView.isSet": true, "KeyView.rows": { "connections": 12 }, "RotationView.keyId": "k2", "RotationView.endedAt": "2026-03-02T09:15:09Z", "RotationView.total": 12, "RotationView.moved": 12,
          "StorageView.databaseBytes": 734003200, "StorageView.runDays": 30, "StorageView.pausedDays": 90, "StorageView.failedJobDays": 30, "StoredTable.name": "runs", "StoredTable.partitions": 31, "StoredTable.rows": 1000000,
          "PastEvent.payload": { "body": { "name": "Ada" } }, "PastEvent.payloadLarge": null, "SampleView.step": "greet", "SampleView.output": { "hello": "Ada" }, "SampleView.pinned": true, "SampleView.fromRun": null,
          "PutSampleRequest.output": { "hello": "Ada" }, "PutSampleRequest.pinned": true, "RunView.test": null, "ExpressionPreviewRequest.expressions": { "greeting": "Hello {{ trigger.body.name }}" },
          "ExpressionPreviewRequest.context": { "trigger": { "body": { "name": "Ada" } } }, "PreviewResult.results": { "greeting": { "value": "Hello Ada", "type": "string", "error": null } },
          "RunChart.from": "2026-03-01T09:20:00Z", "RunChart.to": "2026-03-02T09:20:00Z", "RunChart.bucketSeconds": 1800, "RunChart.buckets": [ { "at": "2026-03-02T09:00:00Z", "counts": { "Succeeded": 41, "Failed": 1 } } ], "RunChart.counted": 42,
          "ChaosReport.state": "Done", "ChaosReport.startedBy": "Olga", "ChaosReport.status": "Succeeded", "ChaosReport.attempts": 2, "ChaosReport.findings": [], "ChaosStep.path": "count", "ChaosStep.kind": "action",
          "DeadLetterView.priority": "Normal", "DeadLetterView.deliveries": 5, "DeadLetterView.deadSince": "2026-03-02T09:15:04Z",
          "StoredTable.tableBytes": 402653184, "StoredTable.indexBytes": 134217728, "StoredTable.oldestDay": "2026-01-31", "StoredTable.newestDay": "2026-03-03",
          "DueDay.day": "2026-01-30", "DueDay.hasOpenRuns": true, "DueDay.givenUp": 0, "DueDay.givenUpAt": null, "DueDay.nextLookAt": "2026-03-02T09:25:00Z"
        }
        """)!.AsObject();

    /// <summary>Gives every body and answer that has a schema and no example one.</summary>
    public static void AddTo(OpenApiDocument document)
    {
        foreach (var operation in document.Paths.Values.SelectMany(path => path.Operations?.Values ?? Enumerable.Empty<OpenApiOperation>()))
        {
            Add(operation.RequestBody?.Content, operation, "body");
            foreach (var response in operation.Responses!.Values.OfType<OpenApiResponse>())
                Add(response.Content, operation, "answer");
        }
    }

    // A body that is any JSON is in the table under the name of its operation.
    private static void Add(IDictionary<string, OpenApiMediaType>? content, OpenApiOperation operation, string place)
    {
        foreach (var media in content?.Values ?? Enumerable.Empty<OpenApiMediaType>())
            media.Example ??= media.Schema is { } schema ? Of(schema, operation.OperationId, place, level: 0) : null;
    }

    private static JsonNode? Of(IOpenApiSchema schema, string? owner, string? field, int level)
    {
        if (field is not null && (Find($"{owner}.{field}", out var value) || Find(field, out value)) && Fits(schema, value))
            return value;
        if (schema is OpenApiSchemaReference { Reference.Id: { } id, Target: { } target })
            return Of(target, id, field: null, level);
        if ((schema.OneOf ?? schema.AnyOf) is { Count: > 0 } choices)
            return Of(choices.FirstOrDefault(choice => choice.Type != JsonSchemaType.Null) ?? choices[0], owner, field: null, level + 1);
        if (schema.Enum is [{ } first, ..])
            return first.DeepClone();
        var type = schema.Type ?? (schema.Properties is { Count: > 0 } ? JsonSchemaType.Object : null);
        if (type is { } allowed && allowed.HasFlag(JsonSchemaType.Null))
            return null;
        return (type & ~JsonSchemaType.Null) switch
        {
            JsonSchemaType.Object => ObjectOf(schema, owner, level),
            JsonSchemaType.Array => level >= MostLevels || schema.Items is null ? new JsonArray() : new JsonArray(Of(schema.Items, owner, field: null, level + 1)),
            JsonSchemaType.Boolean => JsonValue.Create(false),
            JsonSchemaType.Integer or JsonSchemaType.Number => JsonValue.Create(0),
            _ => JsonValue.Create(Unknown),
        };
    }

    private static JsonObject ObjectOf(IOpenApiSchema schema, string? owner, int level)
    {
        var made = new JsonObject();
        // Of a request: what it must have and what the table names; the rest is in the schema.
        var isRequest = owner?.EndsWith("Request", StringComparison.Ordinal) == true;
        foreach (var (name, property) in schema.Properties ?? new Dictionary<string, IOpenApiSchema>())
        {
            if (!isRequest || schema.Required?.Contains(name) == true || s_values.ContainsKey($"{owner}.{name}"))
                made[name] = Of(property, owner, name, level + 1);
        }
        return made;
    }

    private static bool Find(string name, out JsonNode? value)
    {
        var found = s_values.TryGetPropertyValue(name, out value);
        value = value?.DeepClone();
        return found;
    }

    // One name may be a text here and a list there.
    private static bool Fits(IOpenApiSchema schema, JsonNode? value)
    {
        if (schema is OpenApiSchemaReference { Target: { } target })
            schema = target;
        if ((schema.OneOf ?? schema.AnyOf) is { Count: > 0 } choices)
            return choices.Any(choice => Fits(choice, value));
        return schema.Type is not { } allowed || value?.GetValueKind() switch
        {
            null => allowed.HasFlag(JsonSchemaType.Null),
            System.Text.Json.JsonValueKind.String => allowed.HasFlag(JsonSchemaType.String),
            System.Text.Json.JsonValueKind.Number => allowed.HasFlag(JsonSchemaType.Number) || allowed.HasFlag(JsonSchemaType.Integer),
            System.Text.Json.JsonValueKind.Array => allowed.HasFlag(JsonSchemaType.Array),
            System.Text.Json.JsonValueKind.Object => allowed.HasFlag(JsonSchemaType.Object),
            _ => allowed.HasFlag(JsonSchemaType.Boolean),
        };
    }
}
