using System.Buffers.Binary;

namespace Flows.Api.Runs;

/// <summary>What a run's id tells: it is a UUIDv7, whose first 48 bits are milliseconds, and Postgres orders ids as .NET compares them.</summary>
internal static class RunIds
{
    /// <summary>The moment of acceptance, to the millisecond.</summary>
    public static DateTimeOffset MomentOf(Guid run)
    {
        Span<byte> bytes = stackalloc byte[16];
        run.TryWriteBytes(bytes, bigEndian: true, out _);
        return DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes) >>> 16);
    }

    /// <summary>The smallest id of a moment, as run_id_floor in the schema makes it.</summary>
    public static Guid Floor(DateTimeOffset moment)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(bytes, Math.Max(0, moment.ToUnixTimeMilliseconds()) << 16);
        bytes[8..].Clear();
        return new Guid(bytes, bigEndian: true);
    }
}
