using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Engine;

/// <summary>An HTTP server that says what it was sent, and answers as its paths say.</summary>
internal static class EchoServer
{
    private static readonly string[] s_headers = ["accept", "authorization", "content-type", "cookie", "idempotency-key", "x-api-key", "x-one"];

    public static WebApplication Create()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var server = builder.Build();

        server.Map("/echo", async (HttpContext http) =>
        {
            using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
            return Results.Json(new
            {
                method = http.Request.Method,
                query = http.Request.QueryString.ToString(),
                headers = s_headers.ToDictionary(name => name, name => http.Request.Headers[name].ToString()),
                body = await reader.ReadToEndAsync(),
            });
        });
        server.Map("/status/{status:int}", (int status) => Results.Json(new { reason = "because" }, statusCode: status));
        server.MapGet("/busy/{status:int}", (int status, string after, HttpContext http) =>
        {
            http.Response.Headers.RetryAfter = after;
            return Results.StatusCode(status);
        });
        server.Map("/redirect/{status:int}", (int status, string to, HttpContext http) =>
        {
            http.Response.Headers.Location = to;
            return Results.StatusCode(status);
        });
        server.MapGet("/loop", () => Results.Redirect("/loop"));
        server.MapGet("/bytes", () => Results.Bytes([0xFF, 0x00, 0xFE], "application/octet-stream"));
        server.MapGet("/json", () => Results.Text("{ \"n\": 1 }", "application/problem+json"));
        server.MapGet("/deep", () => Results.Text(new string('[', 100_000) + new string(']', 100_000), "application/json"));
        server.MapGet("/windows", () => Results.Bytes([(byte)'1', 0x80], "text/plain; charset=windows-1252"));
        server.MapGet("/windows-json", () => Results.Bytes([(byte)'"', 0x80, (byte)'"'], "application/json; charset=windows-1252"));
        server.MapGet("/latin1", () => Results.Bytes([(byte)'g', (byte)'r', 0xFC, (byte)'n'], "text/plain; charset=iso-8859-1"));
        server.MapGet("/empty", () => Results.StatusCode(204));
        server.MapGet("/not-json", () => Results.Text("{ oops", "application/json"));
        server.MapPost("/upload", async (HttpContext http) =>
        {
            var form = await http.Request.ReadFormAsync();
            return Results.Json(new
            {
                fields = form.ToDictionary(field => field.Key, field => field.Value.ToString()),
                files = form.Files.Select(file => new { field = file.Name, name = file.FileName, type = file.ContentType, length = file.Length }),
            });
        });
        server.MapPost("/graphql", (System.Text.Json.JsonElement request) =>
            request.GetProperty("query").GetString()!.Contains("broken", StringComparison.Ordinal)
                ? Results.Json(new { data = (object?)null, errors = new[] { new { message = "There is no field 'broken'" } } }, statusCode: 400)
                : Results.Json(new { data = new { repository = new { name = "engine", stars = 42, owner = request.GetProperty("variables").GetProperty("owner").GetString() } } }));
        server.MapGet("/download", (int length) => Results.Bytes(new byte[length], "application/pdf", "Invoice 7.pdf"));
        server.MapGet("/pages/{page:int}", (int page, HttpContext http) =>
        {
            var next = $"/pages/{page + 1}?by={http.Request.Query["by"]}";
            if (page == 3)
                return Results.Json(new { data = new[] { "last" }, paging = new { next = (string?)null } });
            if (http.Request.Query["by"] == "link")
                http.Response.Headers.Link = $"</pages/1>; rel=\"first\", <{next}>; rel=\"next\"";
            return Results.Json(new { data = new[] { $"{page}a", $"{page}b" }, paging = new { next = http.Request.Query["by"] == "body" ? next : null } });
        });
        server.MapGet("/never", async (CancellationToken gone) => await Task.Delay(Timeout.Infinite, gone));
        server.MapGet("/big", async (int length, HttpContext http) =>
        {
            if (!http.Request.Query.ContainsKey("chunked"))
                http.Response.ContentLength = length;
            await http.Response.WriteAsync(new string('x', length));
        });
        server.MapGet("/bomb", async (HttpContext http) =>
        {
            http.Response.Headers.ContentEncoding = "gzip";
            await using var packed = new System.IO.Compression.GZipStream(http.Response.Body, System.IO.Compression.CompressionLevel.Fastest);
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 200 && !http.RequestAborted.IsCancellationRequested; i++)
                await packed.WriteAsync(zeros, http.RequestAborted);
        });
        server.MapGet("/orders/{id:int}", (int id) => Results.Json(new
        {
            id,
            customer = new { name = "Ada", email = "ada@example.com" },
            lines = new[] { new { sku = "A-7", quantity = 2, price = 10.5 }, new { sku = "B-1", quantity = 1, price = 99.0 } },
        }));
        server.MapPost("/jobs", async (HttpContext http) =>
        {
            using var reader = new StreamReader(http.Request.Body);
            return Results.Text($$"""{ "accepted": {{await reader.ReadToEndAsync()}} }""", "application/json", statusCode: 201);
        });
        return server;
    }

    public static string UrlOf(WebApplication server) => server.Urls.Single();
}
