using System.Text;
using System.Text.Json;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Engine.Pieces;

public sealed class SendingMail
{
    private static Task<WalkedRun> SendAsync(SmtpServer server, string input, string security = "starttls", string user = "ada", string? certificate = null) => WalkedRun.OfAsync(
        $$"""
        [{ "name": "note", "kind": "action", "piece": "file", "action": "write", "input": { "name": "Übersicht.txt", "content": "Grüße" } },
         { "name": "send", "kind": "action", "piece": "email", "action": "send", "connection": "mail", "input": { {{input}} } }]
        """,
        connections: new Dictionary<string, RawJson>
        {
            ["mail"] = RawJson.Parse(JsonSerializer.Serialize(new
            {
                host = "localhost",
                port = server.Port,
                security,
                username = user,
                password = "secret-of-ada",
                certificate = certificate ?? server.Pem,
            })),
        });

    private const string Plain = "\"from\": \"Ada Lövelace <ada@example.com>\", \"to\": [\"ben@example.com\", \"cy@bücher.example\"], \"bcc\": \"dee@example.com\", \"subject\": \"Größe\", \"text\": \".begins with a dot\"";

    private static string Decoded(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64.Replace("\r\n", "", StringComparison.Ordinal)));

    [Fact]
    public async Task A_message_goes_over_starttls_to_every_recipient_with_its_attachment()
    {
        await using var server = new SmtpServer();
        var run = await SendAsync(server, Plain + ", \"html\": \"<b>b</b>\", \"attachments\": [\"{{note}}\"]");

        Assert.True(run.Outcome!.Status == RunStatus.Succeeded, run.Outcome.Error?.Message);
        Assert.Equal(StepEffect.Effect, run["send"].Effect);
        Assert.Equal(["EHLO flows", "STARTTLS", "EHLO flows"], server.Commands.Take(3));
        Assert.Equal("\0ada\0secret-of-ada", Decoded(server.Commands[3]["AUTH PLAIN ".Length..]));
        Assert.Equal(["MAIL FROM:<ada@example.com>", "RCPT TO:<ben@example.com>", "RCPT TO:<cy@xn--bcher-kva.example>", "RCPT TO:<dee@example.com>"], server.Commands.Skip(4).Take(4));
        Assert.Contains("Subject: =?UTF-8?B?R3LDtsOfZQ==?=", server.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("dee@", server.Message, StringComparison.Ordinal);
        Assert.Contains("filename*=UTF-8''%C3%9Cbersicht.txt", server.Message, StringComparison.Ordinal);
        Assert.Contains(Convert.ToBase64String("Grüße"u8), server.Message, StringComparison.Ordinal);
        Assert.Contains(Convert.ToBase64String(".begins with a dot"u8), server.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-of-ada", string.Concat(run.Journal.Select(line => line.ToString())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_knows_only_login_is_signed_in_to_with_it()
    {
        await using var server = new SmtpServer(offers: "AUTH LOGIN", startTls: false);
        var run = await SendAsync(server, Plain, security: "none");

        Assert.True(run.Outcome!.Status == RunStatus.Succeeded, run.Outcome.Error?.Message);
        Assert.Equal(["ada", "secret-of-ada"], server.Commands.Skip(2).Take(2).Select(Decoded));
    }

    [Theory]
    [InlineData("\"from\": \"a@b.c\", \"to\": \"x@y.z\", \"subject\": \"a\\nBcc: evil@example.com\", \"text\": \"t\"", "'subject'")]
    [InlineData("\"from\": \"a@b.c\", \"to\": \"x@y.z>\\r\\nRCPT TO:<evil@example.com\", \"subject\": \"a\", \"text\": \"t\"", "'to'")]
    [InlineData("\"from\": \"a@b.c\", \"to\": \"no address\", \"subject\": \"a\", \"text\": \"t\"", "'to'")]
    [InlineData("\"from\": \"a@b.c\", \"to\": \"x@y.z\", \"subject\": \"a\"", "'text' or 'html'")]
    public async Task What_could_become_another_header_or_command_is_refused_before_anything_is_sent(string input, string field)
    {
        await using var server = new SmtpServer();
        var run = await SendAsync(server, input);

        Assert.Equal("input", run.Outcome!.Error!.Code);
        Assert.Contains(field, run.Outcome.Error.Message, StringComparison.Ordinal);
        Assert.Empty(server.Commands);
    }

    [Theory]
    [InlineData("RCPT TO:<cy", "550 no such user", "smtp_refused", "cy@")]
    [InlineData("MAIL FROM", "451 later", "smtp_busy", "ada@example.com")]
    [InlineData("AUTH", "535 wrong", "smtp_auth", "password")]
    public async Task A_refusal_names_what_was_refused(string command, string answer, string code, string named)
    {
        await using var server = new SmtpServer(refuse: line => line.StartsWith(command, StringComparison.Ordinal) ? answer : null);
        var run = await SendAsync(server, Plain);

        Assert.Equal(code, run.Outcome!.Error!.Code);
        Assert.Contains(named, run.Outcome.Error.Message, StringComparison.Ordinal);
        Assert.Equal("", server.Message);
    }

    [Fact]
    public async Task Mail_is_not_sent_in_the_clear_where_starttls_was_asked_for_nor_to_a_server_that_is_not_trusted()
    {
        await using var plain = new SmtpServer(startTls: false);
        await using var other = new SmtpServer();
        var clear = await SendAsync(plain, Plain);
        var untrusted = await SendAsync(other, Plain, certificate: plain.Pem);

        Assert.Equal("smtp_security", clear.Outcome!.Error!.Code);
        Assert.Equal("network", untrusted.Outcome!.Error!.Code);
        Assert.DoesNotContain(plain.Commands.Concat(other.Commands), line => line.StartsWith("AUTH", StringComparison.Ordinal) || line.StartsWith("MAIL", StringComparison.Ordinal));
    }
}
