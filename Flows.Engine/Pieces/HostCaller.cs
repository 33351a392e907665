using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces;

/// <summary>Asks the host to do something at the API for the run, and makes a <see cref="PieceException"/> of its refusals.</summary>
/// <param name="secrets">Of the run: what is kept for it holds none of them, as little as what its steps show.</param>
internal sealed class HostCaller(IRunHost? host, Secrets? secrets = null)
{
    private static long s_calls;

    public static HostCaller Nobody { get; } = new(null);

    public RawJson Hide(RawJson value) => secrets?.Hide(value) ?? value;

    public string Hide(string text) => secrets?.Hide(text) ?? text;

    /// <exception cref="PieceException">It was not done; the message says why.</exception>
    public async Task<(RawJson Result, byte[]? Data)> CallAsync<T>(
        string call, T arguments, JsonTypeInfo<T> type, CancellationToken cancel, byte[]? data = null)
    {
        if (host is null)
            throw PieceException.Final("files and storage need a run: there is none here.", StepErrorCodes.Internal);
        var request = new HostRequested(
            Interlocked.Increment(ref s_calls), call, Hide(RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(arguments, type))), data);
        var answer = await host.CallAsync(request, cancel);
        return answer.Error is not { } error ? (answer.Result, answer.Data)
            : answer.IsTransient ? throw PieceException.Transient(error.Message, error.Code, error.Detail)
            : throw PieceException.Final(error.Message, error.Code, error.Detail);
    }

    /// <exception cref="PieceException">It was not done; the message says why.</exception>
    public async Task<TResult> AskAsync<T, TResult>(string call, T arguments, JsonTypeInfo<T> type, JsonTypeInfo<TResult> result, CancellationToken cancel)
    {
        var (json, _) = await CallAsync(call, arguments, type, cancel);
        return JsonSerializer.Deserialize(json.Utf8.Span, result)!;
    }
}
