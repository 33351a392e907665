using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Postgres;

/// <summary>A message to the server, as it is written.</summary>
internal sealed class PgMessage
{
    private readonly ArrayBufferWriter<byte> _body = new(64);

    public void Byte(byte value) => _body.Write([value]);

    public void Int16(int value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteInt16BigEndian(bytes, (short)value);
        _body.Write(bytes);
    }

    public void Int32(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        _body.Write(bytes);
    }

    public void Bytes(ReadOnlySpan<byte> bytes) => _body.Write(bytes);

    /// <summary>A text with the zero byte that ends it.</summary>
    /// <exception cref="PieceException">It has such a byte inside.</exception>
    public void Text(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
            throw PieceException.Input("a text holds the character U+0000, which PostgreSQL cannot.");
        _body.Write(Encoding.UTF8.GetBytes(text));
        Byte(0);
    }

    /// <param name="type">Null for the first message, which has none.</param>
    public byte[] Framed(char? type)
    {
        var head = type is null ? 4 : 5;
        var framed = new byte[head + _body.WrittenCount];
        if (type is { } letter)
            framed[0] = (byte)letter;
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(head - 4), _body.WrittenCount + 4);
        _body.WrittenSpan.CopyTo(framed.AsSpan(head));
        return framed;
    }

    /// <summary>Parse, Bind, Describe, Execute and Sync of one statement: one trip.</summary>
    public static byte[] Statement(string sql, IReadOnlyList<Value> parameters, int maxRows)
    {
        if (parameters.Count > short.MaxValue)
            throw PieceException.Input($"'parameters' has {parameters.Count} values; {short.MaxValue} are allowed.");
        var parse = new PgMessage();
        parse.Byte(0); // without a name
        parse.Text(sql);
        parse.Int16(0); // the server infers the types from where the parameters stand

        var bind = new PgMessage();
        bind.Int16(0); // the unnamed portal, of the unnamed statement
        bind.Int16(0); // parameters as text
        bind.Int16(parameters.Count);
        foreach (var parameter in parameters)
        {
            if (parameter.IsNull)
            {
                bind.Int32(-1);
                continue;
            }
            var text = parameter.ToString();
            if (text.Contains('\0', StringComparison.Ordinal))
                throw PieceException.Input("'parameters': a text holds the character U+0000, which PostgreSQL cannot.");
            var bytes = Encoding.UTF8.GetBytes(text);
            bind.Int32(bytes.Length);
            bind.Bytes(bytes);
        }
        bind.Int16(0); // results as text

        var describe = new PgMessage();
        describe.Byte((byte)'P');
        describe.Byte(0);
        var execute = new PgMessage();
        execute.Byte(0);
        execute.Int32(maxRows);
        return [.. parse.Framed('P'), .. bind.Framed('B'), .. describe.Framed('D'), .. execute.Framed('E'), .. new PgMessage().Framed('S')];
    }
}

/// <summary>A message of the server, as it is read.</summary>
internal sealed class PgReader(byte[] body)
{
    private int _at;

    public int Left => body.Length - _at;

    public int Int16() => BinaryPrimitives.ReadInt16BigEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));

    public ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > Left)
            throw PieceException.Final("the server sent a message that ends too early.", "postgres_protocol");
        _at += count;
        return body.AsSpan(_at - count, count);
    }

    /// <summary>A text up to its zero byte.</summary>
    public string Text()
    {
        var length = body.AsSpan(_at).IndexOf((byte)0);
        var text = Encoding.UTF8.GetString(Take(length < 0 ? Left : length));
        if (length >= 0)
            _at++;
        return text;
    }

    public List<(string Name, int Type)> Columns()
    {
        var columns = new List<(string, int)>();
        for (var left = Int16(); left > 0; left--)
        {
            var name = Text();
            Take(6); // table and column
            columns.Add((name, Int32()));
            Take(8); // size, modifier, format
        }
        return columns;
    }

    /// <summary>What the server complains of, with its SQLSTATE.</summary>
    public PieceException Error()
    {
        var (state, message, position) = ("", "it gives no reason", (string?)null);
        while (Left > 0 && Take(1)[0] is var field and not 0)
        {
            var text = Text();
            (state, message, position) = (char)field switch
            {
                'C' => (text, message, position),
                'M' => (state, text, position),
                'P' => (state, message, text),
                _ => (state, message, position),
            };
        }
        var said = $"the database answered: {message.TrimEnd('.')} (SQLSTATE {state}).";
        var detail = ValueObject.Of([new("sqlState", Value.Of(state)), new("position", Value.Of(position))]).ToRawJson();
        // Serialization failures and deadlocks, too many connections, a server that starts or stops, locks that were not to be had.
        return state.StartsWith("40", StringComparison.Ordinal) || state.StartsWith("53", StringComparison.Ordinal) || state.StartsWith("08", StringComparison.Ordinal)
            || state is "57P01" or "57P02" or "57P03" or "55P03"
                ? PieceException.Transient(said, "postgres", detail)
                : PieceException.Final(said, state == "57014" ? StepErrorCodes.Timeout : state is "28P01" or "28000" ? "unauthorized" : "postgres", detail);
    }
}
