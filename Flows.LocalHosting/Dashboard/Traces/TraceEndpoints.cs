using System.Security.Cryptography;
using System.Text;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Orchestration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Flows.LocalHosting.Dashboard.Traces;

/// <summary>
/// Where the processes of the diagram send their spans (OTLP, http/protobuf), and the pages that show them. Meters and logs are not asked for, because
/// making them costs and nobody would look: `/metrics` and the console's lines are beside. Whoever sends has a key that only those processes were given.
/// </summary>
internal sealed class TraceEndpoints(DashboardAddress address)
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    private const string KeyHeader = "flows-otlp-key";
    private const long LargestMessage = 8 << 20;
    private const string Protobuf = "application/x-protobuf";

    private readonly string key = RandomNumberGenerator.GetHexString(32);
    private readonly TraceMemory memory = new();

    /// <summary>What a process needs to send here. Nothing without a dashboard, and nothing where spans are sent elsewhere already.</summary>
    public void AddTo(IDictionary<string, string> environment, HostingContext context)
    {
        if (address.Port is not { } port || IsSet("OTEL_EXPORTER_OTLP_ENDPOINT") || IsSet(Endpoint))
            return;
        context.Mask.Add(key);
        environment[Endpoint] = $"http://127.0.0.1:{port}/otlp/v1/traces";
        environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        environment["OTEL_EXPORTER_OTLP_HEADERS"] = $"{KeyHeader}={key}";
        environment.TryAdd("OTEL_BSP_SCHEDULE_DELAY", "1000"); // whoever has started a run looks for it at once

        bool IsSet(string name) => environment.TryGetValue(name, out var value) && value.Length > 0;
    }

    /// <summary>True for a request of a process that was given the key.</summary>
    public bool IsFromProcess(HttpRequest request) => request.Path.StartsWithSegments("/otlp", StringComparison.Ordinal)
        && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(request.Headers[KeyHeader].ToString()), Encoding.UTF8.GetBytes(key));

    public void Map(WebApplication app)
    {
        app.MapPost("/otlp/v1/traces", async Task<IResult> (HttpContext http) => await TakeAsync(http));
        app.MapGet("/traces", (bool? all) => Page(TracePages.List(memory, all ?? false)));
        app.MapGet("/traces/{id}", (string id, bool? all) => memory.Find(id) is { } trace ? Page(TracePages.Show(trace, all ?? false)) : Results.NotFound());
    }

    private async Task<IResult> TakeAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = LargestMessage;
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        try
        {
            memory.Add(OtlpMessage.ReadSpans(body.GetBuffer().AsMemory(0, (int)body.Length)));
            return Results.Bytes([], Protobuf);
        }
        catch (InvalidDataException error)
        {
            return Results.Text(error.Message, statusCode: StatusCodes.Status400BadRequest);
        }
    }

    private static IResult Page(string html) => Results.Text(html, "text/html; charset=utf-8");
}
