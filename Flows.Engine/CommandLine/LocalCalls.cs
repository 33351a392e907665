using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.CommandLine;

/// <summary>Stands in for the API: files in a folder, storage in memory, for one run by hand.</summary>
/// <param name="folder">Kept afterwards; null for one that goes with the run.</param>
internal sealed class LocalCalls(string? folder) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LocalFile> _files = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, RawJson> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, decimal> _increments = new(StringComparer.Ordinal);
    private string? _folder;

    public Task<HostCompleted> CallAsync(HostRequested request, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        lock (_lock)
        {
            try
            {
                return Task.FromResult(Answer(request));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return Task.FromResult(Refused(request, "file", $"the file cannot be kept here: {error.Message}"));
            }
        }
    }

    public void Dispose()
    {
        if (folder is null && _folder is not null)
            Directory.Delete(_folder, recursive: true);
    }

    private HostCompleted Answer(HostRequested request)
    {
        switch (request.Call)
        {
            case HostCalls.CreateFile:
                var create = Read(request, HostCallJson.Default.CreateFile);
                var file = new LocalFile(new FileReference($"local-{_files.Count + 1}", create.Name, create.Type, 0), Path.Combine(Folder(), $"{_files.Count + 1}-{create.Name}"));
                File.WriteAllBytes(file.Path, []);
                _files[file.Reference.File] = file;
                return Of(request, file.Reference, HostCallJson.Default.FileReference);

            case HostCalls.AppendFile:
                var append = Read(request, HostCallJson.Default.FileChunk);
                using (var stream = new FileStream(_files[append.File].Path, FileMode.Append))
                    stream.Write(request.Data);
                return new HostCompleted(request.CallId, RawJson.Null);

            case HostCalls.FinishFile or HostCalls.OpenFile:
                return _files.TryGetValue(Read(request, HostCallJson.Default.FileName).File, out var found)
                    ? Of(request, found.Reference with { Size = new FileInfo(found.Path).Length }, HostCallJson.Default.FileReference)
                    : Refused(request, "file_not_found", "there is no such file in this run.");

            case HostCalls.ReadFile:
                var chunk = Read(request, HostCallJson.Default.FileChunk);
                using (var stream = File.OpenRead(_files[chunk.File].Path))
                {
                    stream.Position = (long)chunk.Index * HostCalls.ChunkBytes;
                    var bytes = new byte[Math.Clamp(stream.Length - stream.Position, 0, HostCalls.ChunkBytes)];
                    stream.ReadExactly(bytes);
                    return new HostCompleted(request.CallId, RawJson.Null, bytes);
                }

            case HostCalls.StorageGet:
                var get = Read(request, HostCallJson.Default.StoredKey);
                return new HostCompleted(request.CallId, _values.GetValueOrDefault(Name(get.Project, get.Key)));

            case HostCalls.StoragePut:
                var put = Read(request, HostCallJson.Default.StoredValue);
                _values[Name(put.Project, put.Key)] = put.Value;
                return new HostCompleted(request.CallId, RawJson.Null);

            case HostCalls.StorageDelete:
                var delete = Read(request, HostCallJson.Default.StoredKey);
                return Of(request, _values.Remove(Name(delete.Project, delete.Key)), HostCallJson.Default.Boolean);

            case HostCalls.StorageIncrement:
                return Increment(request, Read(request, HostCallJson.Default.StoredIncrement));

            case HostCalls.StorageList:
                var list = Read(request, HostCallJson.Default.StoredKeys);
                var first = Name(list.Project, "");
                IReadOnlyList<string> keys = [.. _values.Keys.Where(name => name.StartsWith(first, StringComparison.Ordinal)).Select(name => name[first.Length..])
                    .Where(key => key.StartsWith(list.Prefix, StringComparison.Ordinal) && (list.After is null || string.CompareOrdinal(key, list.After) > 0)).Take(list.Limit)];
                return Of(request, keys, HostCallJson.Default.IReadOnlyListString);

            default:
                return Refused(request, StepErrorCodes.Internal, $"the call '{request.Call}' is not known here.");
        }
    }

    private HostCompleted Increment(HostRequested request, StoredIncrement increment)
    {
        var name = Name(increment.Project, increment.Key);
        if (!_increments.TryGetValue(increment.IdempotencyKey, out var number))
        {
            var before = Value.FromJson(_values.GetValueOrDefault(name));
            if (!before.IsNull && !before.IsNumber)
                return Refused(request, "not_a_number", $"the value of '{increment.Key}' is not a number.");
            number = (before.IsNull ? 0 : decimal.Parse(before.ToString(), System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture)) + increment.By;
            _increments[increment.IdempotencyKey] = number;
            _values[name] = Json(number, HostCallJson.Default.Decimal);
        }
        return Of(request, number, HostCallJson.Default.Decimal);
    }

    private string Folder()
    {
        if (_folder is null)
        {
            _folder = folder ?? Directory.CreateTempSubdirectory("flows-files-").FullName;
            Directory.CreateDirectory(_folder);
        }
        return _folder;
    }

    private static string Name(bool project, string key) => $"{(project ? "project" : "flow")}\n{key}";

    private static T Read<T>(HostRequested request, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(request.Arguments.Utf8.Span, type)!;

    private static RawJson Json<T>(T value, JsonTypeInfo<T> type) => RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(value, type));

    private static HostCompleted Of<T>(HostRequested request, T value, JsonTypeInfo<T> type) => new(request.CallId, Json(value, type));

    private static HostCompleted Refused(HostRequested request, string code, string message) => new(request.CallId, RawJson.Null, Error: new StepError(code, message));

    private sealed record LocalFile(FileReference Reference, string Path);
}
