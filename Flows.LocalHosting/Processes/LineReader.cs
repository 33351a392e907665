using System.Text;

namespace Flows.LocalHosting.Processes;

/// <summary>Splits the output of a process into lines of bounded length; a program that never ends its line must not fill this process.</summary>
internal static class LineReader
{
    private const int LongestLine = 16 * 1024;

    public static async Task ReadAsync(StreamReader reader, Action<string> onLine)
    {
        var buffer = new char[4096];
        var line = new StringBuilder();
        try
        {
            while (await reader.ReadAsync(buffer).ConfigureAwait(false) is var count and > 0)
            {
                foreach (var character in buffer.AsSpan(0, count))
                {
                    if (character == '\n')
                        Emit();
                    else if (character != '\r')
                        line.Append(character);
                    if (line.Length >= LongestLine)
                        Emit();
                }
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // The process has gone while its output was read; what came until then is kept.
        }
        if (line.Length > 0)
            Emit();

        void Emit()
        {
            onLine(line.ToString());
            line.Clear();
        }
    }
}
