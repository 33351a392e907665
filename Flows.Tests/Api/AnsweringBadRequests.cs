using System.Text.Json;
using Microsoft.AspNetCore.Builder;

namespace Flows.Tests.Api;

[Collection(Platform.Apis)]
public sealed class AnsweringBadRequests(Platform platform, ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private readonly ApiHost _api = fixture.Api;

    [Theory]
    [InlineData("{", "line 1, position 2")]
    [InlineData("{\n  \"name\": oops }", "line 2, position 11")]
    [InlineData("", "A JSON body is expected")]
    [InlineData("{\"name\":\"a\"} x", "line 1, position 14")]
    public async Task Malformed_json_is_400_with_its_place(string body, string detail)
    {
        var answer = await _api.PostAsync("/api/v1/flows", body);
        answer.Problem(400);
        Assert.Contains(detail, answer["detail"].GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Flows.Api", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_400()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/flows");
        request.Headers.Authorization = new("Bearer", ApiHost.Key);
        request.Content = new ByteArrayContent([.. "{\"name\":\""u8, 0xC3, 0x28, 0xFF, .. "\"}"u8]);
        request.Content.Headers.ContentType = new("application/json");
        using var response = await _api.Http.SendAsync(request);
        Assert.Equal(400, (int)response.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/nope", 404)]
    [InlineData("GET", "/api/v1/nope", 404)]
    [InlineData("GET", "/api/v1/flows/not-an-id", 404)]
    [InlineData("GET", "/api/v1/flows/019a0000-0000-7000-8000-000000000000", 404)]
    [InlineData("GET", "/api/v1/pieces/nope", 404)]
    [InlineData("PUT", "/api/v1/flows", 405)]
    [InlineData("DELETE", "/api/v1/me", 405)]
    public async Task What_is_not_there_is_said_in_the_one_shape(string method, string path, int status) =>
        (await _api.SendAsync(new HttpMethod(method), path, body: null)).Problem(status);

    [Fact]
    public async Task What_is_not_there_is_404_without_a_key_too() => (await _api.GetAsync("/nope", key: null)).Problem(404);

    [Theory]
    [InlineData("limit=0", "limit: It must be from 1 to 100.")]
    [InlineData("limit=101", "limit: It must be from 1 to 100.")]
    [InlineData("limit=many", "limit: 'many' is not a valid whole number.")]
    [InlineData("cursor=%3C%3E", "cursor: It is not a cursor of this list.")]
    public async Task A_bad_query_value_is_400_and_named(string query, string error) =>
        Assert.Equal([error], (await _api.GetAsync($"/api/v1/flows?{query}")).Problem(400));

    [Fact]
    public async Task A_body_of_another_type_is_415() =>
        (await _api.SendAsync(HttpMethod.Post, "/api/v1/flows", "name=a", contentType: "application/x-www-form-urlencoded")).Problem(415);

    [Fact]
    public async Task A_body_over_the_limit_is_413()
    {
        var answer = await _api.PostAsync("/api/v1/flows", $$"""{"name":"{{new string('x', 5 << 20)}}"}""");
        answer.Problem(413);
        Assert.Contains("4,194,304 bytes", answer["detail"].GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PATCH", "{\"key\":\"\\ud800\"}", "$.key: A text holds half of a Unicode surrogate pair.")]
    [InlineData("POST", "{\"name\":\"a\",\"definition\":{\"steps\":[{\"\\udc00\":1}]}}", "$.definition: A text holds half of a Unicode surrogate pair.")]
    public async Task A_text_that_is_none_is_400_and_named(string method, string body, string error)
    {
        var path = method == "POST" ? "/api/v1/flows" : $"/api/v1/flows/{Guid.CreateVersion7()}";
        Assert.Equal([error], (await _api.SendAsync(new HttpMethod(method), path, body)).Problem(400));
    }

    [Fact]
    public async Task A_whole_surrogate_pair_is_a_text()
    {
        var made = (await _api.PostAsync("/api/v1/flows", "{\"name\":\"\\ud83d\\ude00\"}")).Ok(201);
        Assert.Equal("😀", made["name"].GetString());
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("utf-7")]
    public async Task A_charset_that_nobody_knows_is_415(string charset)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/flows") { Content = new ByteArrayContent("{}"u8.ToArray()) };
        request.Headers.Authorization = new("Bearer", ApiHost.Key);
        request.Content.Headers.TryAddWithoutValidation("Content-Type", $"application/json; charset={charset}");
        using var response = await _api.Http.SendAsync(request);
        Assert.Equal(415, (int)response.StatusCode);
        Assert.Contains("charset", JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_postgres_cannot_keep_is_400_though_the_endpoint_has_not_looked()
    {
        await using var app = ApiHost.Create(fixture.Database.ConnectionString, platform);
        app.MapGet("/probe", async (Npgsql.NpgsqlDataSource db) =>
        {
            await using var command = db.CreateCommand("SELECT $1::text");
            command.Parameters.Add(new() { Value = "a\0b" });
            return await command.ExecuteScalarAsync();
        }).AllowAnonymous();
        await app.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        using var response = await http.GetAsync("/probe");
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains("the character NUL", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_browser_gets_the_same_shape()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/flows");
        request.Headers.Accept.ParseAdd("text/html");
        using var response = await _api.Http.SendAsync(request);
        Assert.Equal((401, "application/problem+json"), ((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType));
    }

    [Fact]
    public async Task The_surface_describes_itself()
    {
        var paths = (await _api.GetAsync("/openapi/v1.json", key: null)).Ok()["paths"];
        var operations = paths.EnumerateObject().SelectMany(path => path.Value.EnumerateObject()).Select(operation => operation.Value)
            .Where(operation => operation.TryGetProperty("tags", out _)).ToArray();
        Assert.True(operations.Length >= 30, $"{operations.Length} operations");
        Assert.All(operations, operation => Assert.NotEmpty(operation.GetProperty("summary").GetString()!));
        Assert.DoesNotContain(paths.EnumerateObject(), path => path.Name.StartsWith("/internal", StringComparison.Ordinal));
        Assert.Equal(TestCatalogue.Engine.Pieces.Count, (await _api.GetAsync("/api/v1/pieces")).Ok()["pieces"].GetArrayLength());
        Assert.Equal("HTTP", (await _api.GetAsync("/api/v1/pieces/http")).Ok()["title"].GetString());
    }
}
