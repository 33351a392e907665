using System.ComponentModel.DataAnnotations;

namespace Flows.Api;

/// <summary>Sizes. Bound from <c>Flows:Limits</c>.</summary>
public sealed class LimitsOptions
{
    public const string Section = "Flows:Limits";

    /// <summary>Largest request body and trigger payload, in MiB.</summary>
    [Range(1, 100)]
    public int PayloadMiB { get; set; } = 25;

    /// <summary>Inputs and outputs of all steps of one run together, in MiB; a run over it fails with that reason.</summary>
    [Range(1, 1024)]
    public int RunLogMiB { get; set; } = 50;

    /// <summary>Largest payload, input, output or error that stays in its row, in KiB. What is larger is compressed and stored apart; lists show how it begins.</summary>
    [Range(1, 1024)]
    public int OutputInlineKiB { get; set; } = 32;

    /// <summary>The same in bytes.</summary>
    internal int InlineBytes => OutputInlineKiB << 10;

    /// <summary>Largest file of a run, in MiB.</summary>
    [Range(1, 1024)]
    public int FileMiB { get; set; } = 25;

    /// <summary>All files of one run together, in MiB.</summary>
    [Range(1, 10240)]
    public int RunFilesMiB { get; set; } = 250;

    /// <summary>Values that the flows of a project may keep between runs, their own and the project's together.</summary>
    [Range(1, 1_000_000)]
    public int StoredValues { get; set; } = 10_000;

    /// <summary>All of those values together, in MiB as they lie in Postgres.</summary>
    [Range(1, 10240)]
    public int StoredMiB { get; set; } = 100;
}
