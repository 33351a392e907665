using System.Net.Sockets;
using System.Text;

namespace Flows.LocalHosting.Servers;

/// <summary>Asks a Redis server whether it is there, in its own protocol: one AUTH and one PING do not need a client library.</summary>
internal static class RedisPing
{
    /// <summary>Null when it answers PONG; else what is wrong.</summary>
    public static async Task<string?> AskAsync(RedisAddress address, CancellationToken cancel)
    {
        using var client = new TcpClient { NoDelay = true };
        try
        {
            await client.ConnectAsync(address.Host, address.Port, cancel);
            if (address.Tls)
                return null; // it listens; the clients check the rest with the certificates they trust

            var stream = client.GetStream();
            var command = (address.Password is { } password ? Command("AUTH", password) : "") + Command("PING");
            await stream.WriteAsync(Encoding.UTF8.GetBytes(command), cancel);
            var reader = new StreamReader(stream, Encoding.UTF8);
            for (var line = await reader.ReadLineAsync(cancel); line is not null; line = await reader.ReadLineAsync(cancel))
            {
                if (line == "+PONG")
                    return null;
                // While it loads its data: "-LOADING …". A wrong password: "-WRONGPASS …".
                if (line.StartsWith('-'))
                    return line[1..];
            }
            return "it closed the connection";
        }
        catch (Exception error) when (error is SocketException or IOException)
        {
            return error.Message;
        }
    }

    /// <summary>An array of bulk strings: *count, then $length and text for each.</summary>
    private static string Command(params ReadOnlySpan<string> words)
    {
        var text = new StringBuilder($"*{words.Length}\r\n");
        foreach (var word in words)
            text.Append(null, $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
        return text.ToString();
    }
}
