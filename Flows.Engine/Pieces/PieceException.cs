using Flows.Contracts.Json;

namespace Flows.Engine.Pieces;

/// <summary>An action could not be done, and why, in one or two sentences for the flow's builder. Never holds a secret.</summary>
internal sealed class PieceException : Exception
{
    private PieceException(string code, string message, bool isTransient, RawJson? detail) : base(message) =>
        (Code, IsTransient, Detail) = (code, isTransient, detail);

    /// <summary>A stable lower_snake word to branch on.</summary>
    public string Code { get; }
    /// <summary>True when trying again may help.</summary>
    public bool IsTransient { get; }
    public RawJson? Detail { get; }

    /// <summary>It will not get better by trying again.</summary>
    public static PieceException Final(string message, string code = "refused", RawJson? detail = null) => new(code, message, false, detail);

    /// <summary>It may get better: the service was away, busy or slow.</summary>
    public static PieceException Transient(string message, string code, RawJson? detail = null) => new(code, message, true, detail);

    /// <summary>An input has the wrong value; the message names it.</summary>
    public static PieceException Input(string message) => new("input", message, false, null);
}
