using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Flows.Api.Access;
using Microsoft.Extensions.Options;

namespace Flows.Api.Users;

/// <summary>
/// What our pages put into their forms, and no other site can know: a signature of the session by a key of the installation. Every replica
/// makes the same, and nothing is kept.
/// </summary>
internal sealed class FormToken(IOptions<SecurityOptions> security)
{
    public const string Field = "form_token";
    private readonly byte[] _key = HKDF.DeriveKey(
        HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(security.Value.EncryptionKey), outputLength: 32, info: "flows forms of sessions"u8.ToArray());

    public string For(Guid sessionId) => Base64Url.EncodeToString(HMACSHA256.HashData(_key, sessionId.ToByteArray(bigEndian: true)));

    public bool IsFor(Guid sessionId, string token) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(For(sessionId)), Encoding.UTF8.GetBytes(token));
}

/// <summary>Takes a form of a session only with the token of its page. A key's request needs none: no site can send its header.</summary>
internal sealed class FormTokenFilter(FormToken forms) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        if (HttpMethods.IsPost(http.Request.Method) && Caller.Of(http) is { SessionId: { } sessionId })
        {
            var token = http.Request.HasFormContentType ? (await Runs.RequestBody.ReadFormAsync(http.Request, http.RequestAborted))[FormToken.Field].ToString() : "";
            if (!forms.IsFor(sessionId, token))
                return Problems.Of(StatusCodes.Status403Forbidden, "The form has no valid token. Open its page anew and try again.");
        }
        return await next(context);
    }
}
