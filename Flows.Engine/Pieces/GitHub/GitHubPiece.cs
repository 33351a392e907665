using System.Globalization;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.GitHub;

/// <summary>https://docs.github.com/rest/issues</summary>
internal sealed partial class GitHubPiece(string address = "https://api.github.com")
    : Piece("github", "GitHub", "Opens, finds and comments issues, and starts flows from what happens in a repository.")
{
    private static readonly WebApi s_github = new("GitHub", body => WebAnswer.TextAt(body, "message"));

    private static readonly PropDescription[] s_repository =
        [
        Prop.Text("owner", "Owner", required: true, source: "owners"),
        Prop.Text("repository", "Repository", required: true, help: "Its name, without the owner.", source: "repositories"),
    ];

    public override AuthDescription Auth { get; } = new("secret", "Access token",
        "Settings, Developer settings, Personal access tokens; it may read and write issues of the repository, and for the trigger of its events keep webhooks.",
        [
            Prop.Secret("token", "Access token", required: true),
            Prop.Text("address", "Address of the API", help: "For GitHub Enterprise Server: https://github.example.com/api/v3."),
        ]);

    public override IReadOnlyList<PieceAction> Actions => [new Comment(address), new CreateIssue(address), new ListIssues(address)];

    public override IReadOnlyList<PieceTrigger> Triggers => [new NewIssue(address), new RepositoryEvent(address)];

    public override IReadOnlyList<OptionSource> Sources => [new("owners", OwnersAsync), new("repositories", RepositoriesAsync)];

    public override bool CanTest => true;

    /// <summary>https://docs.github.com/rest/users/users#get-the-authenticated-user</summary>
    public override async Task<string> TestAsync(PieceContext context, CancellationToken cancel) =>
        (await CallAsync(address, HttpMethod.Get, "/user", context, cancel))["login"].ToString();

    internal sealed record CommentInput(string Owner, string Repository, long Number, string Text);
    internal sealed record CreateInput(string Owner, string Repository, string Title, string? Text, IReadOnlyList<string>? Labels);
    internal sealed record ListInput(string Owner, string Repository, string State, long Limit);
    internal sealed record Issue(Value Number, string Title, string State, string Url);
    internal sealed record ListOutput(IReadOnlyList<Issue> Issues);
    internal sealed record CommentOutput(Value Id, string Url);

    private sealed class CreateIssue(string address) : PieceAction<CreateInput, Issue>(
        "create_issue", "Open an issue", "Opens an issue and gives its number and address.", StepEffect.Effect, GitHubJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [.. s_repository, Prop.Text("title", "Title", required: true), Prop.Multiline("text", "Text", help: "In Markdown."), Prop.List("labels", "Labels", help: "A list of texts.")];

        protected override async Task<Issue> RunAsync(CreateInput input, PieceContext context, CancellationToken cancel)
        {
            var answer = await CallAsync(address, HttpMethod.Post, $"{Of(input.Owner, input.Repository)}/issues", context, cancel,
                new("title", Value.Of(input.Title)), new("body", Value.Of(input.Text)),
                new("labels", input.Labels is null ? Value.Null : ValueList.Of(input.Labels.Select(label => Value.Of(label)))));
            return IssueOf(answer.Body);
        }
    }

    private sealed class Comment(string address) : PieceAction<CommentInput, CommentOutput>(
        "comment", "Comment an issue", "Adds a comment to an issue or a pull request.", StepEffect.Effect, GitHubJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [.. s_repository, Prop.Integer("number", "Number", required: true), Prop.Multiline("text", "Text", required: true, help: "In Markdown.")];

        protected override async Task<CommentOutput> RunAsync(CommentInput input, PieceContext context, CancellationToken cancel)
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"{Of(input.Owner, input.Repository)}/issues/{input.Number}/comments");
            var answer = await CallAsync(address, HttpMethod.Post, path, context, cancel, new KeyValuePair<string, Value>("body", Value.Of(input.Text)));
            return new CommentOutput(answer["id"], answer["html_url"].ToString());
        }
    }

    private sealed class ListIssues(string address) : PieceAction<ListInput, ListOutput>(
        "list_issues", "List issues", "The issues of a repository, newest first, without pull requests.", StepEffect.Idempotent, GitHubJson.Default)
    {
        private const int PageSize = 100;

        public override IReadOnlyList<PropDescription> Props { get; } =
            [.. s_repository, Prop.Select("state", "State", ["open", "closed", "all"], "open"), Prop.Integer("limit", "At most", otherwise: 100, help: "1 to 1000.")];

        protected override async Task<ListOutput> RunAsync(ListInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Limit is < 1 or > 1000)
                throw PieceException.Input($"'limit' must be from 1 to 1000; found {input.Limit.ToString(CultureInfo.InvariantCulture)}.");
            var issues = new List<Issue>();
            // Pull requests come along and do not count, so the pages have an end of their own.
            for (var page = 1; page <= 50 && issues.Count < input.Limit; page++)
            {
                var path = string.Create(CultureInfo.InvariantCulture, $"{Of(input.Owner, input.Repository)}/issues?state={input.State}&per_page={PageSize}&page={page}");
                var answer = await CallAsync(address, HttpMethod.Get, path, context, cancel);
                if (answer.Body.Kind != ValueKind.List)
                    break;
                issues.AddRange(answer.Body.AsList.Where(issue => WebAnswer.At(issue, "pull_request").IsNull).Select(IssueOf));
                if (answer.Body.AsList.Count < PageSize)
                    break;
            }
            return new ListOutput([.. issues.Take((int)input.Limit)]);
        }
    }

    private static string Of(string owner, string repository) =>
        $"/repos/{Segment(owner, "owner")}/{Segment(repository, "repository")}";

    // A dot or two would climb out of the path.
    private static string Segment(string text, string field) =>
        text.Length == 0 || text is "." or ".." || text.Contains('/', StringComparison.Ordinal)
            ? throw PieceException.Input($"'{field}' is one name, without a slash.")
            : Uri.EscapeDataString(text);

    private static Issue IssueOf(Value issue) => new(
        WebAnswer.At(issue, "number"), WebAnswer.TextAt(issue, "title") ?? "", WebAnswer.TextAt(issue, "state") ?? "", WebAnswer.TextAt(issue, "html_url") ?? "");

    private static Task<WebAnswer> CallAsync(
        string address, HttpMethod method, string path, PieceContext context, CancellationToken cancel, params KeyValuePair<string, Value>[] body)
    {
        var request = new HttpRequestMessage(method, AddressOf(context, address) + path) { Content = body.Length == 0 ? null : WebApi.Json(body) };
        request.Headers.Authorization = ConnectionOf.Bearer(context, "token");
        request.Headers.Add("X-GitHub-Api-Version", "2022-11-28");
        return s_github.SendAsync(request, context, cancel);
    }

    private static string AddressOf(PieceContext context, string otherwise)
    {
        if (context.Connection is not { } connection || WebAnswer.TextAt(Value.FromJson(connection), "address") is not { Length: > 0 } own)
            return otherwise;
        return Uri.TryCreate(own, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp) && url.Query.Length == 0
            ? own.TrimEnd('/')
            : throw PieceException.Input("the connection's 'address' must be an http or https address without a query.");
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(CommentInput))]
    [JsonSerializable(typeof(CommentOutput))]
    [JsonSerializable(typeof(CreateInput))]
    [JsonSerializable(typeof(EventInput))]
    [JsonSerializable(typeof(FoundIssue))]
    [JsonSerializable(typeof(Issue))]
    [JsonSerializable(typeof(ListInput))]
    [JsonSerializable(typeof(ListOutput))]
    [JsonSerializable(typeof(NewIssueInput))]
    private sealed partial class GitHubJson : JsonSerializerContext;
}
