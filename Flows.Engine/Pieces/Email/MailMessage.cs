using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Flows.Contracts.Runs;

namespace Flows.Engine.Pieces.Email;

/// <summary>
/// A message as it goes over the wire (RFC 5322, RFC 2045–2047). Every body is base64, so no line can be too long or begin with the dot that
/// would end the message; every header outside ASCII is an encoded word, so no value can begin another header.
/// </summary>
internal sealed record MailMessage(
    Mailbox From, IReadOnlyList<Mailbox> To, IReadOnlyList<Mailbox> Cc, Mailbox? ReplyTo, string Subject, string? Text, string? Html,
    IReadOnlyList<FileReference> Attachments, string Id, DateTimeOffset Date)
{
    private const int BytesOfALine = 57; // 76 characters of base64

    /// <param name="files">Where the attachments are read from, chunk by chunk.</param>
    public async Task WriteAsync(Stream to, RunFiles files, CancellationToken cancel)
    {
        var mixed = $"flows-mixed-{RandomNumberGenerator.GetHexString(32)}";
        var both = $"flows-both-{RandomNumberGenerator.GetHexString(32)}";
        var head = new StringBuilder();
        Header(head, "Date", Date.ToString("ddd, dd MMM yyyy HH:mm:ss zzz", CultureInfo.InvariantCulture).Remove(29, 1));
        Header(head, "Message-ID", $"<{Id}>");
        Header(head, "From", From.ToString());
        Header(head, "To", string.Join(",\r\n ", To));
        if (Cc.Count > 0)
            Header(head, "Cc", string.Join(",\r\n ", Cc));
        if (ReplyTo is { } reply)
            Header(head, "Reply-To", reply.ToString());
        Header(head, "Subject", Words(Subject));
        Header(head, "MIME-Version", "1.0");
        if (Attachments.Count > 0)
            head.Append(CultureInfo.InvariantCulture, $"Content-Type: multipart/mixed; boundary=\"{mixed}\"\r\n\r\n--{mixed}\r\n");
        await WriteAsync(to, head, cancel);

        if (Text is not null && Html is not null)
        {
            await WriteAsync(to, new StringBuilder($"Content-Type: multipart/alternative; boundary=\"{both}\"\r\n\r\n--{both}\r\n"), cancel);
            await BodyAsync(to, "text/plain", Text, cancel);
            await WriteAsync(to, new StringBuilder($"\r\n--{both}\r\n"), cancel);
            await BodyAsync(to, "text/html", Html, cancel);
            await WriteAsync(to, new StringBuilder($"\r\n--{both}--\r\n"), cancel);
        }
        else
            await BodyAsync(to, Html is null ? "text/plain" : "text/html", Html ?? Text ?? "", cancel);

        foreach (var file in Attachments)
        {
            var part = new StringBuilder($"\r\n--{mixed}\r\nContent-Type: {file.Type}\r\nContent-Transfer-Encoding: base64\r\n");
            // RFC 2231 for every name: it needs no quoting.
            part.Append(CultureInfo.InvariantCulture, $"Content-Disposition: attachment;\r\n filename*=UTF-8''{Uri.EscapeDataString(file.Name)}\r\n\r\n");
            await WriteAsync(to, part, cancel);
            await using var content = files.Read(file);
            await Base64Async(to, content, cancel);
        }
        if (Attachments.Count > 0)
            await WriteAsync(to, new StringBuilder($"\r\n--{mixed}--"), cancel);
    }

    /// <summary>Text of a header: as it is when it is short and ASCII, else encoded words of whole characters.</summary>
    public static string Words(string text)
    {
        const int longest = 42; // bytes; 56 characters of base64, under the 75 of a word
        if (text.Length <= 60 && text.All(c => c is >= ' ' and <= '~') && !text.Contains("=?", StringComparison.Ordinal))
            return text;
        var words = new List<string>();
        var bytes = new List<byte>(longest);
        Span<byte> encoded = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            var length = rune.EncodeToUtf8(encoded);
            if (bytes.Count + length > longest)
                Take();
            bytes.AddRange(encoded[..length]);
        }
        Take();
        return string.Join("\r\n ", words);

        void Take()
        {
            words.Add($"=?UTF-8?B?{Convert.ToBase64String(bytes.ToArray())}?=");
            bytes.Clear();
        }
    }

    private static async Task BodyAsync(Stream to, string type, string text, CancellationToken cancel)
    {
        await WriteAsync(to, new StringBuilder($"Content-Type: {type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"), cancel);
        using var content = new MemoryStream(Encoding.UTF8.GetBytes(text), writable: false);
        await Base64Async(to, content, cancel);
    }

    private static async Task Base64Async(Stream to, Stream from, CancellationToken cancel)
    {
        var bytes = new byte[BytesOfALine * 1024];
        int length;
        do
        {
            length = await from.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancel);
            var lines = new StringBuilder(length * 3 / 2);
            for (var at = 0; at < length; at += BytesOfALine)
                lines.Append(Convert.ToBase64String(bytes, at, Math.Min(BytesOfALine, length - at))).Append("\r\n");
            await WriteAsync(to, lines, cancel);
        }
        while (length == bytes.Length);
    }

    private static void Header(StringBuilder to, string name, string value) => to.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");

    private static async Task WriteAsync(Stream to, StringBuilder text, CancellationToken cancel) => await to.WriteAsync(Encoding.ASCII.GetBytes(text.ToString()), cancel);
}

/// <summary>Who a message is from or for.</summary>
/// <param name="Address">ASCII: a domain outside of it is in Punycode.</param>
internal sealed record Mailbox(string Name, string Address)
{
    /// <summary>Reads <c>ada@example.com</c> or <c>Ada Lovelace &lt;ada@example.com&gt;</c>.</summary>
    /// <exception cref="PieceException">It is none; the message names the input.</exception>
    public static Mailbox Parse(string field, string text)
    {
        if (text.AsSpan().ContainsAny("\r\n\0") || !System.Net.Mail.MailAddress.TryCreate(text, out var parsed))
            throw PieceException.Input($"'{field}' must hold addresses such as ada@example.com; found {Steps.ValueText.Of(Expressions.Value.Of(text))}.");
        try
        {
            var address = $"{parsed.User}@{new IdnMapping().GetAscii(parsed.Host)}";
            if (Ascii.IsValid(address) && !address.AsSpan().ContainsAny(" <>"))
                return new Mailbox(parsed.DisplayName, address);
        }
        catch (ArgumentException)
        {
            // Not a domain: said below.
        }
        throw PieceException.Input($"'{field}' has an address that cannot be written in SMTP: {Steps.ValueText.Of(Expressions.Value.Of(text))}.");
    }

    public override string ToString() => Name.Length == 0 ? Address : $"{QuotedName} <{Address}>";

    private string QuotedName => Name.All(c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '-') && Name.Length <= 60 ? Name : EncodedName;
    private string EncodedName => MailMessage.Words(Name) is var words && words.StartsWith("=?", StringComparison.Ordinal)
        ? words : $"\"{words.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
