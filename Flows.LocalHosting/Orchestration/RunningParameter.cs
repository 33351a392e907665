using Aspire.Hosting.ApplicationModel;

namespace Flows.LocalHosting.Orchestration;

/// <summary>A parameter is ready when its value is known.</summary>
internal sealed class RunningParameter(ParameterResource parameter, HostingContext context) : RunningResource(parameter, context)
{
    public override void Prepare()
    {
        // The value is there at once or never: it comes from configuration or from a file.
        var value = parameter.GetValueAsync().AsTask().GetAwaiter().GetResult() ?? "";
        if (parameter.Secret)
            Context.Mask.Add(value);
        PublishRunning();
    }
}
