using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Json;

namespace Flows.Contracts.Runs;

/// <summary>
/// What a step may ask of the API while it runs: files of its run, and the storage of its flow or project. A call is a name, arguments and at
/// most one chunk of bytes, so that no hop ever holds a whole file.
/// </summary>
public static class HostCalls
{
    /// <summary><see cref="CreateFile"/> → <see cref="FileReference"/> of an empty file that nobody can read yet.</summary>
    public const string CreateFile = "files.create";
    /// <summary><see cref="FileChunk"/> and its bytes → null. Chunks are numbered from 0, come in order, and only the last is short.</summary>
    public const string AppendFile = "files.append";
    /// <summary><see cref="FileName"/> → <see cref="FileReference"/>: the file is whole, and may be read.</summary>
    public const string FinishFile = "files.finish";
    /// <summary><see cref="FileName"/> → <see cref="FileReference"/>.</summary>
    public const string OpenFile = "files.open";
    /// <summary><see cref="FileChunk"/> → null and the bytes of that chunk.</summary>
    public const string ReadFile = "files.read";
    /// <summary><see cref="StoredKey"/> → the value, null when there is none.</summary>
    public const string StorageGet = "storage.get";
    /// <summary><see cref="StoredValue"/> → null.</summary>
    public const string StoragePut = "storage.put";
    /// <summary><see cref="StoredKey"/> → true when there was a value.</summary>
    public const string StorageDelete = "storage.delete";
    /// <summary><see cref="StoredIncrement"/> → the number after it; the same for every try under one idempotency key.</summary>
    public const string StorageIncrement = "storage.increment";
    /// <summary><see cref="StoredKeys"/> → a list of keys, in their order.</summary>
    public const string StorageList = "storage.list";

    /// <summary><see cref="UsedConnection"/> → the connection with a token that the service has not refused yet.</summary>
    public const string RefreshConnection = "connections.refresh";
    /// <summary>The code of a connection's problem that may be over by now: the step asks with <see cref="RefreshConnection"/>.</summary>
    public const string RenewalProblem = "connection_renewal";

    /// <summary>Bytes of one chunk of a file.</summary>
    public const int ChunkBytes = 256 * 1024;
    /// <summary>Largest stored value, in bytes of JSON.</summary>
    public const int LargestValue = 512 * 1024;
    /// <summary>Longest key, in characters.</summary>
    public const int LongestKey = 128;
    /// <summary>Keys of one answer of <see cref="StorageList"/>.</summary>
    public const int MostKeys = 1000;
}

/// <summary>A file of a run, as steps hand it on. The id alone is enough to read it.</summary>
/// <param name="File">The id: it names the run and the file, and is worth nothing outside of the project.</param>
/// <param name="Type">Media type, e.g. <c>application/pdf</c>.</param>
/// <param name="Size">In bytes.</param>
public sealed record FileReference(string File, string Name, string Type, long Size);

public sealed record CreateFile(string Name, string Type);
public sealed record FileChunk(string File, int Index);
public sealed record FileName(string File);

/// <param name="Project">True for the storage that all flows of the project share; false for the flow's own.</param>
public sealed record StoredKey(bool Project, string Key);
public sealed record StoredValue(bool Project, string Key, RawJson Value);
public sealed record StoredIncrement(bool Project, string Key, decimal By, string IdempotencyKey);

/// <param name="Prefix">Only keys that begin with it.</param>
/// <param name="After">Only keys after this one; null from the first on.</param>
public sealed record StoredKeys(bool Project, string Prefix, string? After, int Limit);

/// <param name="Key">One that the flow names.</param>
/// <param name="Token"><see cref="TokenMark"/> of the access token that was refused: nothing is renewed for one that is not the present one. Empty: the run was given none.</param>
public sealed record UsedConnection(string Key, string Token);

/// <summary>The token in what a step or a call sees of an <c>oauth2</c> connection.</summary>
public static class AccessToken
{
    public const string Field = "accessToken";

    /// <summary>Null when it is a connection of another kind: the kind is no field that a person could have named so.</summary>
    public static string? Of(RawJson connection) =>
        connection.ToElement() is { ValueKind: JsonValueKind.Object } fields
        && fields.TryGetProperty("kind", out var kind) && kind.ValueKind == JsonValueKind.String && kind.ValueEquals("oauth2")
        && fields.TryGetProperty(Field, out var token) && token.ValueKind == JsonValueKind.String ? token.GetString() : null;

    /// <summary>Whether it is the token that a service did not take, by the error of whoever showed it.</summary>
    public static bool IsRefused(StepError error) => IsRefused(error.Code, error.Detail);

    /// <inheritdoc cref="IsRefused(StepError)"/>
    public static bool IsRefused(string code, RawJson? detail) => code == "unauthorized"
        || (detail?.ToElement() is { ValueKind: JsonValueKind.Object } fields
            && fields.TryGetProperty("status", out var status) && status.ValueKind == JsonValueKind.Number && status.TryGetInt32(out var number) && number == 401);
}

/// <summary>Names a token without telling it.</summary>
public static class TokenMark
{
    /// <returns>The first 16 bytes of the SHA-256, in hex.</returns>
    public static string Of(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)).AsSpan(0, 16));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 256)]
[JsonSerializable(typeof(CreateFile))]
[JsonSerializable(typeof(FileChunk))]
[JsonSerializable(typeof(FileName))]
[JsonSerializable(typeof(FileReference))]
[JsonSerializable(typeof(StoredKey))]
[JsonSerializable(typeof(StoredValue))]
[JsonSerializable(typeof(StoredIncrement))]
[JsonSerializable(typeof(StoredKeys))]
[JsonSerializable(typeof(UsedConnection))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(decimal))]
public sealed partial class HostCallJson : JsonSerializerContext;
