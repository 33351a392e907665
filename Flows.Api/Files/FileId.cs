using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace Flows.Api.Files;

/// <summary>A file's name in references: the run it belongs to, and which of that run's files it is. Base64url of both ids.</summary>
internal readonly record struct FileId(Guid Run, Guid File)
{
    private const int Bytes = 32;
    private const int Characters = 43;

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        Run.TryWriteBytes(bytes, bigEndian: true, out _);
        File.TryWriteBytes(bytes[16..], bigEndian: true, out _);
        return Base64Url.EncodeToString(bytes);
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out FileId id)
    {
        id = default;
        Span<byte> bytes = stackalloc byte[Bytes];
        if (text is not { Length: Characters } || !Base64Url.IsValid(text) || !Base64Url.TryDecodeFromChars(text, bytes, out var written) || written != Bytes)
            return false;
        id = new FileId(new Guid(bytes[..16], bigEndian: true), new Guid(bytes[16..], bigEndian: true));
        return true;
    }
}
