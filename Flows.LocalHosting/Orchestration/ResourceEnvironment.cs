using System.Globalization;
using Aspire.Hosting.ApplicationModel;

namespace Flows.LocalHosting.Orchestration;

/// <summary>The environment of a resource: what every child gets, then what the diagram says, in its order.</summary>
internal static class ResourceEnvironment
{
    public static async Task<Dictionary<string, string>> OfAsync(IResource resource, HostingContext context, CancellationToken cancel)
    {
        var collected = new EnvironmentCallbackContext(context.Execution, resource, cancellationToken: cancel);
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
            await annotation.Callback(collected);

        var environment = context.InheritedEnvironment();
        foreach (var (name, value) in collected.EnvironmentVariables)
        {
            var text = value is IValueProvider provider ? await provider.GetValueAsync(cancel) ?? "" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            if (value is SecretText or IResourceWithConnectionString or ParameterResource { Secret: true })
                context.Mask.Add(text);
            environment[name] = text;
        }
        return environment;
    }
}
