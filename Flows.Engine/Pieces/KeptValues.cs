using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Engine.Pieces;

/// <summary>Values that outlive the run, by key: the flow's own, or those that all flows of the project share.</summary>
internal sealed class KeptValues(HostCaller calls)
{
    /// <returns>The value; null when there is none.</returns>
    public async Task<RawJson> GetAsync(bool project, string key, CancellationToken cancel) =>
        (await calls.CallAsync(HostCalls.StorageGet, new StoredKey(project, key), HostCallJson.Default.StoredKey, cancel)).Result;

    public Task PutAsync(bool project, string key, RawJson value, CancellationToken cancel) =>
        calls.CallAsync(HostCalls.StoragePut, new StoredValue(project, key, value), HostCallJson.Default.StoredValue, cancel);

    /// <returns>True when there was a value.</returns>
    public Task<bool> DeleteAsync(bool project, string key, CancellationToken cancel) =>
        calls.AskAsync(HostCalls.StorageDelete, new StoredKey(project, key), HostCallJson.Default.StoredKey, HostCallJson.Default.Boolean, cancel);

    /// <summary>Adds to a number, from 0 when there is none. Under one idempotency key it is done once.</summary>
    /// <returns>The number after it.</returns>
    public Task<decimal> IncrementAsync(bool project, string key, decimal by, string idempotencyKey, CancellationToken cancel) =>
        calls.AskAsync(HostCalls.StorageIncrement, new StoredIncrement(project, key, by, idempotencyKey), HostCallJson.Default.StoredIncrement, HostCallJson.Default.Decimal, cancel);

    public Task<IReadOnlyList<string>> ListAsync(bool project, string prefix, string? after, int limit, CancellationToken cancel) =>
        calls.AskAsync(HostCalls.StorageList, new StoredKeys(project, prefix, after, limit), HostCallJson.Default.StoredKeys, HostCallJson.Default.IReadOnlyListString, cancel);
}
