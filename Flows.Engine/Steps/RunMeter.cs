using Flows.Contracts.EngineProtocol;

namespace Flows.Engine.Steps;

/// <summary>Counts what a run uses against its limits. Safe for concurrent use.</summary>
/// <param name="logBytes">What the finished steps of earlier attempts have used: they are not walked again.</param>
internal sealed class RunMeter(EngineLimits limits, long logBytes = 0)
{
    private long _steps;
    private long _logBytes = logBytes;

    public EngineLimits Limits => limits;

    /// <exception cref="RunLimitException"/>
    public void Step()
    {
        if (Interlocked.Increment(ref _steps) > limits.Steps)
            throw new RunLimitException(nameof(EngineLimits.Steps), $"the run has walked {limits.Steps} steps, which is all it may");
    }

    /// <summary>Counts the input or output of a step.</summary>
    /// <exception cref="RunLimitException"/>
    public void Log(long bytes)
    {
        var total = Interlocked.Add(ref _logBytes, bytes);
        if (total > limits.LogBytes)
        {
            throw new RunLimitException("Flows__Limits__RunLogMiB",
                $"the inputs and outputs of the run's steps have {total} bytes together; {limits.LogBytes} are allowed");
        }
    }

    /// <exception cref="StepException"/>
    public void Output(long bytes)
    {
        if (bytes > limits.OutputBytes)
            throw StepException.Limit("Flows__Limits__PayloadMiB", $"the output has {bytes} bytes; {limits.OutputBytes} are allowed");
    }

    /// <exception cref="StepException"/>
    public void Items(long count)
    {
        if (count > limits.LoopItems)
            throw StepException.Limit(nameof(EngineLimits.LoopItems), $"the loop has {count} items; {limits.LoopItems} are allowed");
    }
}
