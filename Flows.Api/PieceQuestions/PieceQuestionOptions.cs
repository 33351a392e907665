using System.ComponentModel.DataAnnotations;

namespace Flows.Api.PieceQuestions;

/// <summary>How long people wait for what a piece is asked while they build. Bound from <c>Flows:PieceQuestions</c>.</summary>
public sealed class PieceQuestionOptions
{
    public const string Section = "Flows:PieceQuestions";

    /// <summary>Until a worker has taken the question; then there is none, or all are busy. Five seconds by default.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan TakenWithin { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Until it is answered. 30 seconds by default.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan AnsweredWithin { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Questions of one project that may wait at a time. 20 by default.</summary>
    [Range(1, 10_000)]
    public int AtOnce { get; set; } = 20;
}
