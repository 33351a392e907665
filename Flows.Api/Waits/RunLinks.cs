using System.Security.Cryptography;
using System.Text;
using Flows.Api.Access;
using Flows.Contracts.Runs;
using Microsoft.Extensions.Options;

namespace Flows.Api.Waits;

/// <summary>
/// The keys that sign the links of runs, one for each run, made from the installation's encryption key: a run's engine signs its own links
/// and can make none for another run. Links that were signed with a key of the past are good as long as that key is among the settings.
/// </summary>
internal sealed class RunLinks(IOptions<SecurityOptions> security)
{
    private readonly byte[][] _keys = // the current one first
    [
        .. security.Value.PreviousEncryptionKeys.Prepend(security.Value.EncryptionKey).Select(key => HKDF.DeriveKey(
            HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(key), outputLength: 32, info: "flows links of runs"u8.ToArray())),
    ];

    public byte[] KeyOf(Guid runId) => Of(_keys[0], runId);

    /// <summary>What the token says; null when we have not signed it for this purpose.</summary>
    public ResumeToken? Read(string text, LinkPurpose purpose) =>
        ResumeToken.Read(text) is { } token && _keys.Any(key => token.IsGenuine(purpose, Of(key, token.RunId))) ? token : null;

    /// <summary>The path of the link to a wait: <c>/resume/…</c> or <c>/approve/…</c>.</summary>
    public string PathTo(Guid runId, LinkPurpose purpose, string path) =>
        $"/{(purpose == LinkPurpose.Resume ? "resume" : "approve")}/{ResumeToken.Create(runId, purpose, path, approver: null, KeyOf(runId))}";

    private static byte[] Of(byte[] key, Guid runId) => HMACSHA256.HashData(key, runId.ToByteArray(bigEndian: true));
}
