using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Api;

/// <summary>
/// The API as a worker sees it. One try for each call: what a failure costs, and so whether and how long to try again, only the callers know.
/// </summary>
internal sealed class FlowsApi : IDisposable
{
    private readonly HttpClient _http;
    private readonly TimeProvider _clock;
    private long _reachedAt;

    public FlowsApi(IOptions<ApiOptions> api, IOptions<WorkerSecurityOptions> security, TimeProvider clock)
    {
        _clock = clock;
        _reachedAt = clock.GetTimestamp();
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(2),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), // so that a moved address is noticed
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
        })
        {
            BaseAddress = new Uri(api.Value.Url),
            Timeout = Timeout.InfiniteTimeSpan, // each call has its own
        };
        _http.DefaultRequestHeaders.Add(WorkerRoutes.ProtocolHeader, $"{WorkerRoutes.CurrentProtocol}");
        if (security.Value.WorkerToken.Length > 0)
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", security.Value.WorkerToken);
    }

    /// <summary>Time since the API last answered as it should, or since this worker started.</summary>
    public TimeSpan SinceReached => _clock.GetElapsedTime(Interlocked.Read(ref _reachedAt));

    /// <exception cref="ApiException"/>
    public Task<ClaimResponse> ClaimAsync(ClaimRequest request, CancellationToken cancel) => PostAsync(
        WorkerRoutes.Claim, request, WorkerJson.Default.ClaimRequest, WorkerJson.Default.ClaimResponse, TimeSpan.FromSeconds(5), cancel);

    /// <exception cref="ApiException"/>
    public Task<ReportResponse> ReportAsync(ReportRequest request, CancellationToken cancel) => PostAsync(
        WorkerRoutes.Report, request, WorkerJson.Default.ReportRequest, WorkerJson.Default.ReportResponse, TimeSpan.FromSeconds(10), cancel);

    /// <exception cref="ApiException"/>
    public Task<HeartbeatResponse> HeartbeatAsync(HeartbeatRequest request, TimeSpan timeout, CancellationToken cancel) => PostAsync(
        WorkerRoutes.Heartbeat, request, WorkerJson.Default.HeartbeatRequest, WorkerJson.Default.HeartbeatResponse, timeout, cancel);

    /// <exception cref="ApiException"/>
    public Task<FlowVersionDocument> GetVersionAsync(Guid versionId, CancellationToken cancel) => SendAsync(
        new HttpRequestMessage(HttpMethod.Get, WorkerRoutes.Version.Replace("{versionId}", versionId.ToString(), StringComparison.Ordinal)),
        WorkerJson.Default.FlowVersionDocument, TimeSpan.FromSeconds(5), cancel);

    /// <exception cref="ApiException"/>
    public Task<HostCallResponse> CallAsync(Guid runId, HostCallRequest request, CancellationToken cancel) => PostAsync(
        WorkerRoutes.HostCall.Replace("{runId}", runId.ToString(), StringComparison.Ordinal),
        request, WorkerJson.Default.HostCallRequest, WorkerJson.Default.HostCallResponse, TimeSpan.FromSeconds(10), cancel);

    /// <summary>The bytes of a value, which are as many as its claim has said.</summary>
    /// <exception cref="ApiException"/>
    public async Task<byte[]> GetValueAsync(Guid runId, Guid valueId, int size, CancellationToken cancel)
    {
        var route = WorkerRoutes.Value.Replace("{runId}", runId.ToString(), StringComparison.Ordinal).Replace("{valueId}", valueId.ToString(), StringComparison.Ordinal);
        return await SendAsync(new HttpRequestMessage(HttpMethod.Get, route), async (body, late) =>
        {
            var value = new byte[size];
            await body.ReadExactlyAsync(value, late);
            return value;
        }, TimeSpan.FromSeconds(30), cancel);
    }

    /// <exception cref="ApiException"/>
    public Task<PieceOffer> NextPieceCallAsync(PieceQuestion question, CancellationToken cancel) => PostAsync(
        WorkerRoutes.NextPieceCall, question, WorkerJson.Default.PieceQuestion, WorkerJson.Default.PieceOffer, TimeSpan.FromSeconds(10), cancel);

    /// <exception cref="ApiException"/>
    public Task AnswerPieceCallAsync(PieceReport report, CancellationToken cancel) => PostAsync(
        WorkerRoutes.PieceAnswer, report, WorkerJson.Default.PieceReport, WorkerJson.Default.PieceTaken, TimeSpan.FromSeconds(10), cancel);

    /// <summary>Another token for a call whose own the service has refused. It is made while this waits.</summary>
    /// <exception cref="ApiException"/>
    public Task<OtherToken> OtherTokenAsync(RefusedToken refused, CancellationToken cancel) => PostAsync(
        WorkerRoutes.PieceToken, refused, WorkerJson.Default.RefusedToken, WorkerJson.Default.OtherToken, TimeSpan.FromSeconds(20), cancel);

    public void Dispose() => _http.Dispose();

    private Task<TResponse> PostAsync<TRequest, TResponse>(
        string route, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TResponse> responseType, TimeSpan timeout, CancellationToken cancel)
    {
        var body = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(request, requestType));
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return SendAsync(new HttpRequestMessage(HttpMethod.Post, route) { Content = body }, responseType, timeout, cancel);
    }

    private Task<T> SendAsync<T>(HttpRequestMessage request, JsonTypeInfo<T> responseType, TimeSpan timeout, CancellationToken cancel) =>
        SendAsync(request, (body, late) => JsonSerializer.DeserializeAsync(body, responseType, late), timeout, cancel);

    private async Task<T> SendAsync<T>(HttpRequestMessage request, Func<Stream, CancellationToken, ValueTask<T?>> read, TimeSpan timeout, CancellationToken cancel)
    {
        var what = $"{request.Method} {request.RequestUri}";
        using var sent = request;
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(timeout);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, late.Token);
            if (!response.IsSuccessStatusCode)
                throw new ApiException($"{what} was answered with {(int)response.StatusCode}.", response.StatusCode);

            await using var body = await response.Content.ReadAsStreamAsync(late.Token);
            var answer = await read(body, late.Token)
                ?? throw new ApiException($"{what} was answered with nothing.", response.StatusCode);
            Interlocked.Exchange(ref _reachedAt, _clock.GetTimestamp());
            return answer;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new ApiException($"{what} was not answered within {timeout.TotalSeconds:0} s.");
        }
        catch (Exception error) when (error is HttpRequestException or IOException or JsonException)
        {
            throw new ApiException($"{what} failed: {error.Message}", inner: error);
        }
    }
}

/// <summary>The API did not do what it was asked to. The message holds no data of a run.</summary>
internal sealed class ApiException(string message, HttpStatusCode? status = null, Exception? inner = null) : Exception(message, inner)
{
    public HttpStatusCode? Status => status;

    /// <summary>True when the same request will be refused for ever; false when the API, the network or a setting may get better.</summary>
    public bool IsRefusal => status is HttpStatusCode.BadRequest or HttpStatusCode.NotFound or HttpStatusCode.RequestEntityTooLarge
        or HttpStatusCode.UnprocessableEntity or HttpStatusCode.UnsupportedMediaType;
}
