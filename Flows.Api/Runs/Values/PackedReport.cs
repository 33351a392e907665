using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Api.Runs.Values;

/// <summary>A report as its rows will hold it: what is large has become a reference.</summary>
/// <param name="Report">As the worker sent it, without what is large; its values are not written from here.</param>
internal sealed record PackedReport(
    string Worker, RunReport Report, RawJson? Output, RawJson? Response, RawJson? Error, IReadOnlyList<PackedStep> Steps, IReadOnlyList<LargeValue> Large)
{
    /// <summary>Packing takes time in proportion to what is large; do it before a commit that others share.</summary>
    public static PackedReport Of(string worker, RunReport report, int inlineBytes)
    {
        var packer = new ValuePacker(report.RunId, inlineBytes);
        var steps = new PackedStep[report.Steps.Count];
        for (var i = 0; i < steps.Length; i++)
        {
            var step = report.Steps[i];
            var (input, stepOutput, stepError) = (packer.Pack(step.Input), packer.Pack(step.Output), packer.Pack(step.Error));
            steps[i] = new PackedStep(packer.Large.Count == 0 ? step : step with { Input = null, Output = null, Error = null }, input, stepOutput, stepError);
        }
        var (output, response, error) = (packer.Pack(report.Outcome?.Output), packer.Pack(report.Response), packer.Pack(report.Outcome?.Error));
        // What is large is let go here: the report may wait for its commit.
        return new PackedReport(worker, packer.Large.Count == 0 ? report : report with
        {
            Steps = [],
            Response = report.Response is { } answer ? answer with { Body = RawJson.Null } : null,
            Outcome = report.Outcome is { } outcome ? outcome with { Output = null, Error = null } : null,
        }, output, response, error, steps, packer.Large);
    }
}

/// <param name="Line">Its values are not written from here.</param>
internal sealed record PackedStep(StepRecord Line, RawJson? Input, RawJson? Output, RawJson? Error);
