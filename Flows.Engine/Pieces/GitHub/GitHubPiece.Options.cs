using System.Globalization;
using Flows.Contracts.EngineProtocol;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.GitHub;

internal sealed partial class GitHubPiece
{
    /// <summary>Repositories that are looked through, the newest pushed to first.</summary>
    private const int MostRepositories = 1_000;

    private async Task<IReadOnlyList<PropOption>> OwnersAsync(OptionQuestion question, PieceContext context, CancellationToken cancel) =>
        [.. (await AllRepositoriesAsync(context, cancel)).Select(found => found.Owner).Distinct(StringComparer.OrdinalIgnoreCase)
            .Where(owner => question.Matches(owner)).Order(StringComparer.OrdinalIgnoreCase).Select(owner => new PropOption(owner, owner))];

    // Those of the owner that the form has already; of all when it has none.
    private async Task<IReadOnlyList<PropOption>> RepositoriesAsync(OptionQuestion question, PieceContext context, CancellationToken cancel)
    {
        var owner = WebAnswer.TextAt(question.Input, "owner") ?? "";
        return [.. (await AllRepositoriesAsync(context, cancel))
            .Where(found => (owner.Length == 0 || found.Owner.Equals(owner, StringComparison.OrdinalIgnoreCase)) && question.Matches(found.Name, found.Owner))
            .Select(found => new PropOption(found.Name, owner.Length == 0 ? $"{found.Owner}/{found.Name}" : found.Name))];
    }

    /// <summary>https://docs.github.com/rest/repos/repos#list-repositories-for-the-authenticated-user</summary>
    private async Task<List<(string Owner, string Name)>> AllRepositoriesAsync(PieceContext context, CancellationToken cancel)
    {
        const int pageSize = 100;
        var found = new List<(string, string)>();
        for (var page = 1; found.Count < MostRepositories; page++)
        {
            var answer = await CallAsync(address, HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"/user/repos?sort=pushed&per_page={pageSize}&page={page}"), context, cancel);
            if (answer.Body.Kind != ValueKind.List)
                break;
            foreach (var repository in answer.Body.AsList)
            {
                if (WebAnswer.TextAt(repository, "owner", "login") is { } owner && WebAnswer.TextAt(repository, "name") is { } name)
                    found.Add((owner, name));
            }
            if (answer.Body.AsList.Count < pageSize)
                break;
        }
        return found;
    }
}
