using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Runs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Connections.Keys;

/// <summary>The keys that secrets are sealed with; the keys themselves are settings and never shown.</summary>
internal static class KeyEndpoints
{
    public static void MapKeys(this IEndpointRouteBuilder api)
    {
        var keys = api.MapGroup("/system/keys").AddEndpointFilter<UnavailableFilter>().WithTags("System");
        keys.MapGet("", Get).Requires(Permission.ManageSystem).WithSummary("The encryption keys by their ids, what each has sealed, and how the last rotation stands");
        keys.MapPost("/rotate", Rotate).Requires(Permission.ManageSystem).Audited("keys.rotated", ahead: true).WithSummary("Seal everything anew with the present key, in the background; while it runs, nothing is begun twice");
    }

    private static async Task<Ok<KeysView>> Get(SecretEnvelope envelope, SealedRows rows, KeyRotation rotation, CancellationToken cancel) =>
        TypedResults.Ok(await ViewAsync(envelope, rows, rotation, cancel));

    private static async Task<Accepted<KeysView>> Rotate(SecretEnvelope envelope, SealedRows rows, KeyRotation rotation, CancellationToken cancel)
    {
        await rotation.BeginAsync(cancel);
        return TypedResults.Accepted("/api/v1/system/keys", await ViewAsync(envelope, rows, rotation, cancel));
    }

    private static async Task<KeysView> ViewAsync(SecretEnvelope envelope, SealedRows rows, KeyRotation rotation, CancellationToken cancel)
    {
        var counts = await rows.CountAsync(cancel);
        var ids = envelope.KeyIds.Union(counts.Select(count => count.KeyId));
        return new KeysView(
            envelope.CurrentKeyId,
            [.. ids.Select(id => new KeyView(id, envelope.KeyIds.Contains(id), counts.Where(count => count.KeyId == id).ToDictionary(count => count.Table, count => count.Rows)))],
            await rotation.FindAsync(cancel));
    }

    /// <param name="Current">Id of the key that everything new is sealed with.</param>
    internal sealed record KeysView(string Current, IReadOnlyList<KeyView> Items, RotationView? Rotation);

    /// <param name="IsSet">False for one that has sealed something and is not in the settings: what it has sealed cannot be read.</param>
    /// <param name="Rows">By table.</param>
    internal sealed record KeyView(string Id, bool IsSet, IReadOnlyDictionary<string, long> Rows);
}
