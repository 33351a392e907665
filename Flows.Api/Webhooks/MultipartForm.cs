using System.Text;
using Flows.Api.Files;
using Flows.Api.Runs;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Flows.Api.Webhooks;

/// <summary>A file of a form, as it came.</summary>
internal sealed record FormFileContent(string Field, string Name, string Type, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// A body of the type <c>multipart/form-data</c> (RFC 7578), taken apart. A part with a file name is a file, any other a text. The body as a whole
/// has been read before, within the limit of the endpoint.
/// </summary>
internal sealed record MultipartForm(IReadOnlyList<KeyValuePair<string, string>> Fields, IReadOnlyList<FormFileContent> Files)
{
    public const int MostParts = 200;
    private const int LongestName = 255;
    private const int LongestBoundary = 200;

    public static bool IsType(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type) && type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase);

    /// <param name="mostFileBytes">Of one file.</param>
    /// <exception cref="BadHttpRequestException">400: it is no such form, or has too many parts. 413: a file is too large.</exception>
    public static async Task<MultipartForm> ReadAsync(string contentType, ReadOnlyMemory<byte> body, long mostFileBytes, CancellationToken cancel)
    {
        var boundary = HeaderUtilities.RemoveQuotes(MediaTypeHeaderValue.Parse(contentType).Boundary).Value;
        if (boundary is not { Length: > 0 and <= LongestBoundary })
            throw new BadHttpRequestException($"The Content-Type multipart/form-data needs a boundary of 1 to {LongestBoundary} characters.");
        var fields = new List<KeyValuePair<string, string>>();
        var files = new List<FormFileContent>();
        using var stream = new MemoryStream(body.ToArray(), writable: false);
        var reader = new MultipartReader(boundary, stream) { HeadersCountLimit = 16, HeadersLengthLimit = 16 * 1024 };
        try
        {
            while (await reader.ReadNextSectionAsync(cancel) is { } section)
            {
                if (fields.Count + files.Count == MostParts)
                    throw new BadHttpRequestException($"The form has more than {MostParts} parts.");
                if (section.GetContentDispositionHeader() is not { } disposition || HeaderUtilities.RemoveQuotes(disposition.Name).Value is not { Length: > 0 and <= LongestName } name)
                    throw new BadHttpRequestException($"Part {fields.Count + files.Count + 1} of the form has no name of 1 to {LongestName} characters in its Content-Disposition.");
                if (disposition.IsFileDisposition())
                {
                    var bytes = await BytesAsync(section.Body, cancel);
                    if (bytes.Length > mostFileBytes)
                        throw new BadHttpRequestException($"The file in the field '{name}' is larger than {mostFileBytes} bytes (limit: Flows__Limits__FileMiB).", StatusCodes.Status413PayloadTooLarge);
                    files.Add(new FormFileContent(name, FileNameOf(disposition), TypeOf(section.ContentType), bytes));
                }
                else
                    fields.Add(new(name, Encoding.UTF8.GetString(await BytesAsync(section.Body, cancel))));
            }
        }
        catch (Exception error) when (error is InvalidDataException || (error is IOException and not BadHttpRequestException))
        {
            throw new BadHttpRequestException("The body is not the multipart/form-data that its Content-Type says; it may be cut off.", error);
        }
        return new MultipartForm(fields, files);
    }

    private static async Task<byte[]> BytesAsync(Stream section, CancellationToken cancel)
    {
        using var bytes = new MemoryStream();
        await section.CopyToAsync(bytes, cancel);
        return bytes.ToArray();
    }

    // Without folders and control characters: it is shown to people, and is what the file is called when it is downloaded.
    private static string FileNameOf(ContentDispositionHeaderValue disposition)
    {
        var text = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).Value ?? "";
        var name = string.Concat(text[(text.AsSpan().LastIndexOfAny('/', '\\') + 1)..].Where(c => !char.IsControl(c))).Trim(' ', '.');
        return name.Length == 0 ? "file" : name[..Math.Min(name.Length, 200)];
    }

    private static string TypeOf(string? type) =>
        MediaTypeHeaderValue.TryParse(type, out var parsed) && parsed.ToString() is { Length: <= LongestName } text ? text : "application/octet-stream";
}
