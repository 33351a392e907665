using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;

namespace Flows.Engine.Steps;

/// <summary>
/// The connections a run was given, and what is secret in them. The token of one may run out while the run goes on; then the API is asked for
/// another. What was secret once stays masked. Safe for concurrent use.
/// </summary>
internal sealed class RunConnections(StartRun start)
{
    private readonly Lock _lock = new();
    private readonly List<RawJson> _all = [.. start.Connections.Values];
    private volatile Held _held = new(start.Connections, new Secrets(start.Connections.Values));

    public Secrets Secrets => _held.Secrets;

    /// <summary>By key; only the inputs of actions may name them.</summary>
    public Value AsValue => _held.Value;

    /// <summary>As they are now; a later renewal does not change what was returned.</summary>
    public IReadOnlyDictionary<string, RawJson> Now => _held.ByKey;

    /// <exception cref="StepException">The run has no such connection; the message says why.</exception>
    public RawJson Of(string key) =>
        _held.ByKey.TryGetValue(key, out var connection) ? connection
        : throw StepException.Input($"the connection '{key}' does not exist or was not given to this run.");

    /// <summary>Sees to it that what the step names is there: a token that could not be renewed when the run began may be there now.</summary>
    /// <exception cref="StepException">A connection cannot be used; the message says why.</exception>
    /// <exception cref="PieceException">The same, from the API.</exception>
    public async ValueTask DemandAsync(ActionStep step, HostCaller host, CancellationToken cancel)
    {
        if (start.ConnectionProblems is not { Count: > 0 } problems)
            return;
        foreach (var key in KeysOf(step))
        {
            if (_held.ByKey.ContainsKey(key) || !problems.TryGetValue(key, out var problem))
                continue;
            if (problem.Code != HostCalls.RenewalProblem)
                throw new StepException(problem.Code, problem.Message);
            await AskAsync(key, "", host, cancel);
        }
    }

    /// <summary>Gets other tokens for a step that was refused with those it had.</summary>
    /// <param name="used">What the step had, from <see cref="Now"/>.</param>
    /// <returns>True when at least one is another now, so that the step may be done once more.</returns>
    /// <exception cref="PieceException">There is no other token; the message says why.</exception>
    public async Task<bool> RenewAsync(ActionStep step, IReadOnlyDictionary<string, RawJson> used, HostCaller host, CancellationToken cancel)
    {
        var isRenewed = false;
        foreach (var key in KeysOf(step))
        {
            if (!used.TryGetValue(key, out var before) || AccessToken.Of(before) is not { } token)
                continue;
            // Another lane of the run may have been faster.
            if (_held.ByKey.TryGetValue(key, out var now) && now.Equals(before))
                now = await AskAsync(key, TokenMark.Of(token), host, cancel);
            isRenewed |= AccessToken.Of(now) is { } other && other != token;
        }
        return isRenewed;
    }

    private async Task<RawJson> AskAsync(string key, string refused, HostCaller host, CancellationToken cancel)
    {
        var (connection, _) = await host.CallAsync(HostCalls.RefreshConnection, new UsedConnection(key, refused), HostCallJson.Default.UsedConnection, cancel);
        lock (_lock)
        {
            _all.Add(connection);
            _held = new Held(new Dictionary<string, RawJson>(_held.ByKey) { [key] = connection }, new Secrets(_all));
        }
        return connection;
    }

    private static IReadOnlyList<string> KeysOf(ActionStep step) => FlowNeeds.OfStep(step).Connections;

    private sealed class Held(IReadOnlyDictionary<string, RawJson> byKey, Secrets secrets)
    {
        public IReadOnlyDictionary<string, RawJson> ByKey => byKey;
        public Secrets Secrets => secrets;
        public Value Value { get; } = ValueObject.Of(byKey.Select(pair => new KeyValuePair<string, Value>(pair.Key, Value.FromJson(pair.Value))));
    }
}
