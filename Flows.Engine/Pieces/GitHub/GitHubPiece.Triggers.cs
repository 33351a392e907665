using System.Globalization;
using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.GitHub;

internal sealed partial class GitHubPiece
{
    internal sealed record NewIssueInput(string Owner, string Repository);
    internal sealed record FoundIssue(
        long Number, string Title, string State, string Url, string? Author, string? Text, IReadOnlyList<string> Labels, string? CreatedAt);
    internal sealed record EventInput(string Owner, string Repository, IReadOnlyList<string> Events);

    /// <summary>https://docs.github.com/rest/issues/issues#list-repository-issues. Issues are numbered as they are opened, so the cursor is a number.</summary>
    private sealed class NewIssue(string address) : PollingTrigger<NewIssueInput>("new_issue", "New issue", "Starts once for each issue that is opened in a repository.", """
        { "number": 7, "title": "It burns", "state": "open", "url": "https://github.com/ada/engine/issues/7", "author": "ada",
          "text": "On the third floor.", "labels": ["bug"], "createdAt": "2026-03-29T07:30:00Z" }
        """, GitHubJson.Default)
    {
        private const int PageSize = 100;
        /// <summary>Of more than a thousand issues between two polls the newest thousand count.</summary>
        private const int MostPages = TriggerEvents.MostItems / PageSize;

        protected override IReadOnlyList<PropDescription> OwnProps => s_repository;

        protected override Task<TriggerEvents> PollAsync(NewIssueInput input, RawJson? cursor, PieceContext context, CancellationToken cancel) =>
            LookAsync(input, cursor is { } json && Value.FromJson(json).TryGetInteger(out var number) ? number : null, MostPages, context, cancel);

        protected override Task<TriggerEvents> SampleAsync(NewIssueInput input, PieceContext context, CancellationToken cancel) => LookAsync(input, seen: 0, pages: 1, context, cancel);

        /// <param name="seen">The newest issue that is old; null when only the newest is to be found.</param>
        private async Task<TriggerEvents> LookAsync(NewIssueInput input, long? seen, int pages, PieceContext context, CancellationToken cancel)
        {
            var found = new List<FoundIssue>();
            var newest = seen ?? 0;
            for (var page = 1; page <= pages; page++)
            {
                var answer = await CallAsync(address, HttpMethod.Get, string.Create(CultureInfo.InvariantCulture,
                    $"{Of(input.Owner, input.Repository)}/issues?state=all&sort=created&direction=desc&per_page={PageSize}&page={page}"), context, cancel);
                if (answer.Body.Kind != ValueKind.List)
                    throw PieceException.Transient("GitHub answered with something that is no list of issues.", "http_body");
                var reachedOld = answer.Body.AsList.Count < PageSize || seen is null; // the first poll only wants to know the newest
                foreach (var issue in answer.Body.AsList)
                {
                    if (!WebAnswer.At(issue, "number").TryGetInteger(out var its))
                        continue;
                    newest = Math.Max(newest, its);
                    if (its <= seen)
                        reachedOld = true;
                    else if (seen is not null && WebAnswer.At(issue, "pull_request").IsNull)
                        found.Add(FoundOf(issue, its));
                }
                if (reachedOld)
                    break;
            }
            return new TriggerEvents(
                [.. found.OrderBy(issue => issue.Number).Select(issue => new TriggerItem(issue.Number.ToString(CultureInfo.InvariantCulture), Written(issue)))],
                Value.Of(newest).ToRawJson());
        }

        private static RawJson Written(FoundIssue issue) => RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(issue, GitHubJson.Default.FoundIssue));

        private static FoundIssue FoundOf(Value issue, long number) => new(
            number, WebAnswer.TextAt(issue, "title") ?? "", WebAnswer.TextAt(issue, "state") ?? "", WebAnswer.TextAt(issue, "html_url") ?? "",
            WebAnswer.TextAt(issue, "user", "login"), WebAnswer.TextAt(issue, "body"),
            WebAnswer.At(issue, "labels") is { Kind: ValueKind.List } labels ? [.. labels.AsList.Select(label => WebAnswer.TextAt(label, "name") ?? "").Where(name => name.Length > 0)] : [],
            WebAnswer.TextAt(issue, "created_at"));
    }

    /// <summary>https://docs.github.com/rest/repos/webhooks; signatures: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.</summary>
    private sealed class RepositoryEvent(string address) : HookTrigger<EventInput>(
        "repository_event", "Event in a repository", "Starts when GitHub tells of a push, a pull request, a release or any other event of a repository.", """
        { "event": "push", "id": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
          "data": { "ref": "refs/heads/main", "commits": [ { "id": "6dcb09b", "message": "Fix all the bugs" } ], "repository": { "full_name": "ada/engine" }, "sender": { "login": "ada" } } }
        """,
        new HookDescription("hmac", "X-Hub-Signature-256", Prefix: "sha256=", IdHeader: "X-GitHub-Delivery", EventHeader: "X-GitHub-Event", EventsInput: "events"),
        GitHubJson.Default)
    {
        private const int MostEvents = 50;

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            .. s_repository,
            Prop.List("events", "Events", required: true, help: "Their names, such as push, pull_request, issues or release. The token must be allowed to keep webhooks of the repository."),
        ];

        protected override async Task<RawJson> OnEnableAsync(EventInput input, HookTerms hook, PieceContext context, CancellationToken cancel)
        {
            if (input.Events.Count is 0 or > MostEvents || input.Events.Any(name => name.Length is 0 or > 100))
                throw PieceException.Input($"'events' must be a list of 1 to {MostEvents} names of events.");
            var hooks = $"{Of(input.Owner, input.Repository)}/hooks";
            KeyValuePair<string, Value>[] wanted =
            [
                new("name", Value.Of("web")),
                new("active", Value.Of(true)),
                new("events", ValueList.Of(input.Events.Select(name => Value.Of(name)))),
                new("config", ValueObject.Of([new("url", Value.Of(hook.Url)), new("content_type", Value.Of("json")), new("secret", Value.Of(hook.Secret)), new("insecure_ssl", Value.Of("0"))])),
            ];
            // One that a crash has left unconfirmed is taken over.
            var answer = await FindAsync(hooks, hook, context, cancel) is { } id
                ? await CallAsync(address, HttpMethod.Patch, $"{hooks}/{id}", context, cancel, wanted[1..])
                : await CallAsync(address, HttpMethod.Post, hooks, context, cancel, wanted);
            return ValueObject.Of([new("id", answer["id"])]).ToRawJson();
        }

        protected override async Task OnDisableAsync(EventInput input, HookTerms hook, PieceContext context, CancellationToken cancel)
        {
            var hooks = $"{Of(input.Owner, input.Repository)}/hooks";
            try
            {
                if (await FindAsync(hooks, hook, context, cancel) is { } id)
                    await CallAsync(address, HttpMethod.Delete, $"{hooks}/{id}", context, cancel);
            }
            catch (PieceException error) when (error.Detail is { } detail && WebAnswer.At(Value.FromJson(detail), "status").TryGetInteger(out var status) && status is 404 or 410)
            {
                // The hook, or the repository, is gone already.
            }
        }

        // By its address, which is the flow's alone. A repository has at most 20 hooks for an event.
        private async Task<string?> FindAsync(string hooks, HookTerms hook, PieceContext context, CancellationToken cancel)
        {
            var answer = await CallAsync(address, HttpMethod.Get, $"{hooks}?per_page=100", context, cancel);
            return answer.Body.Kind == ValueKind.List
                ? answer.Body.AsList.Where(found => WebAnswer.TextAt(found, "config", "url") == hook.Url).Select(found => WebAnswer.At(found, "id").ToString()).FirstOrDefault()
                : null;
        }
    }
}
