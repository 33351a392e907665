using System.Text;
using Flows.Api.Access;
using Flows.Api.Connections;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Connections;

public sealed class SealingSecrets
{
    private const string First = "the-first-9Xc4VbN2mKqL8wErT6yUiOp1";
    private const string Second = "the-second-7Jk4VbN2mKqL8wErT6yUiOp1";
    private static readonly byte[] s_secret = Encoding.UTF8.GetBytes("""{"token":"abc"}""");

    [Fact]
    public void What_was_sealed_is_opened_in_its_place_and_twice_is_not_the_same()
    {
        var envelope = Envelope(First);
        var bytes = envelope.Seal(s_secret, "here");
        Assert.Equal(s_secret, envelope.Open(bytes, "here"));
        Assert.NotEqual(bytes, envelope.Seal(s_secret, "here"));
        Assert.Throws<SealBrokenException>(() => envelope.Open(bytes, "there"));
    }

    [Fact]
    public void A_single_changed_byte_anywhere_is_noticed()
    {
        var envelope = Envelope(First);
        var bytes = envelope.Seal(s_secret, "here");
        for (var i = 0; i < bytes.Length; i++)
        {
            var changed = (byte[])bytes.Clone();
            changed[i] ^= 1;
            Assert.Throws<SealBrokenException>(() => envelope.Open(changed, "here"));
        }
        Assert.Throws<SealBrokenException>(() => envelope.Open(bytes.AsSpan(0, 20), "here"));
    }

    [Fact]
    public void A_key_of_the_past_opens_and_a_strange_one_says_which_setting_to_look_at()
    {
        var bytes = Envelope(First).Seal(s_secret, "here");
        Assert.Equal(s_secret, Envelope(Second, First).Open(bytes, "here"));
        var error = Assert.Throws<SealBrokenException>(() => Envelope(Second).Open(bytes, "here"));
        Assert.Contains("Flows__Security__PreviousEncryptionKeys", error.Message, StringComparison.Ordinal);
    }

    private static SecretEnvelope Envelope(string key, params string[] previous) =>
        new(Options.Create(new SecurityOptions { EncryptionKey = key, PreviousEncryptionKeys = previous }));
}
