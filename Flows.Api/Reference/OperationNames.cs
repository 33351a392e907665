using System.Text;
using System.Text.RegularExpressions;

namespace Flows.Api.Reference;

/// <summary>
/// The <c>operationId</c> of an operation, by which generated clients call it. It follows from method and path, so that it changes only when the
/// address does: <c>GET /flows/{id}/versions</c> is listFlowVersions, <c>POST /flows/{id}/publish</c> publishFlow.
/// </summary>
internal static partial class OperationNames
{
    // Where the rules below give no good name.
    private static readonly Dictionary<string, string> s_named = new(StringComparer.Ordinal)
    {
        ["GET /setup"] = "getSetupState",
        ["POST /setup"] = "setUpFirstOwner",
        ["POST /session"] = "signIn",
        ["DELETE /session"] = "signOut",
        ["DELETE /sessions"] = "endOtherSessions",
        ["PUT /me/password"] = "changePassword",
        ["GET /audit"] = "listAudit",
        ["POST /flows/bulk"] = "actOnFlows",
        ["POST /flows/validate"] = "validateDefinition",
        ["PUT /flows/{}/draft"] = "saveFlowDraft",
        ["POST /flows/{}/draft/runs"] = "startDraftRun",
        ["POST /flows/{}/runs"] = "startRun",
        ["GET /flows/{}/versions/{}/diff/{}"] = "compareFlowVersions",
        ["POST /flows/{}/queue/pause"] = "pauseFlow",
        ["POST /flows/{}/queue/resume"] = "resumeFlow",
        ["POST /flows/deleted/{}/restore"] = "restoreDeletedFlow",
        ["POST /flows/deleted/{}/purge"] = "purgeDeletedFlow",
        ["GET /flows/deleted"] = "listDeletedFlows",
        ["POST /pieces/{}/options"] = "listPieceOptions",
        ["POST /pieces/{}/triggers/{}/sample"] = "sampleTrigger",
        ["POST /connections/{}/oauth/start"] = "startConnectionSignIn",
        ["POST /schedules/preview"] = "previewSchedule",
        ["GET /runs.csv"] = "exportRuns",
        ["GET /runs/events"] = "watchRuns",
        ["GET /runs/{}/events"] = "watchRun",
        ["GET /runs/{}/steps/{}/{}"] = "getStepPart",
        ["GET /runs/{}/steps/history"] = "listSupersededSteps",
        ["GET /runs/{}/files/{}"] = "downloadRunFile",
        ["POST /webhooks/{}"] = "callWebhook",
        ["POST /webhooks/{}/sync"] = "callWebhookAndWait",
        ["POST /webhooks/{}/test"] = "testWebhook",
        ["POST /webhooks/{}/hooks/{}"] = "receiveEvent",
        ["POST /resume/{}"] = "resumeRun",
        ["POST /resume/{}/sync"] = "resumeRunAndWait",
        ["GET /approve/{}"] = "getApproval",
        ["POST /approve/{}"] = "decideApproval",
        ["GET /system/queue"] = "getQueue",
        ["GET /system/storage"] = "getStorage",
        ["GET /system/workers"] = "listWorkers",
        ["POST /system/keys/rotate"] = "rotateSystemKeys",
    };

    private static readonly string[] s_collections =
        ["flows", "folders", "runs", "connections", "variables", "projects", "members", "invitations", "api-keys", "sessions", "versions", "triggers", "pieces", "oauth-apps", "steps", "keys"];

    /// <param name="path">As in the document: <c>/api/v1/flows/{id}</c>.</param>
    public static string Of(string method, string path)
    {
        var plain = Parameter().Replace(path.StartsWith("/api/v1", StringComparison.Ordinal) ? path["/api/v1".Length..] : path, "{}").TrimEnd('/');
        if (s_named.TryGetValue($"{method} {plain}", out var name))
            return name;
        var segments = plain.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var last = segments[^1];
        var isItem = last == "{}";
        var isAction = method == "POST" && !isItem && !s_collections.Contains(last);
        var verb = (method, isItem) switch
        {
            ("POST", _) when isAction => last,
            ("GET", false) when s_collections.Contains(last) => "list",
            ("GET", _) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "set",
            ("PATCH", _) => "change",
            _ => method.ToLowerInvariant(),
        };
        var words = new StringBuilder(Camel(verb, first: true));
        var nouns = isAction ? segments[..^1] : segments;
        for (var i = 0; i < nouns.Length; i++)
        {
            if (nouns[i] == "{}")
                continue;
            var isOne = (i + 1 < nouns.Length && nouns[i + 1] == "{}") || (method == "POST" && !isAction);
            words.Append(Camel(isOne && nouns[i].EndsWith('s') ? nouns[i][..^1] : nouns[i], first: false));
        }
        return words.ToString();
    }

    private static string Camel(string text, bool first) =>
        string.Concat(text.Split('-', '.').Select((word, i) => i == 0 && first ? word : char.ToUpperInvariant(word[0]) + word[1..]));

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();
}
