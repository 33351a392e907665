using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Flows.Engine.Pieces;

/// <summary>The encodings that texts from elsewhere are written in: those of Unicode, and the older ones such as windows-1252 and shift_jis.</summary>
internal static class Charsets
{
    /// <summary>The encoding of that name, which refuses bytes that are no text in it; null when there is none.</summary>
    public static Encoding? Find(string name)
    {
        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(name, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback)
                ?? Encoding.GetEncoding(name, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException) // UTF-7 is not read any more
        {
            return null;
        }
    }

    /// <summary>The text that the bytes are, without a byte order mark; false when they are none.</summary>
    public static bool TryRead(Encoding encoding, ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out string? text)
    {
        try
        {
            text = encoding.GetString(bytes.StartsWith(encoding.Preamble) ? bytes[encoding.Preamble.Length..] : bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            text = null;
            return false;
        }
    }
}
