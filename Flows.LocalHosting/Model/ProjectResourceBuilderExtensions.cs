using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting;

namespace Aspire.Hosting;

public static class ProjectResourceBuilderExtensions
{
    /// <summary>Adds a project of the solution. Its endpoints and settings come from its launchSettings.json.</summary>
    public static IResourceBuilder<ProjectResource> AddProject<TProject>(this IDistributedApplicationBuilder builder, string name)
        where TProject : IProjectMetadata, new() => builder.AddProject<TProject>(name, launchProfileName: null);

    public static IResourceBuilder<ProjectResource> AddProject<TProject>(
        this IDistributedApplicationBuilder builder, string name, string? launchProfileName) where TProject : IProjectMetadata, new()
    {
        var metadata = new TProject();
        var project = builder.AddResource(new ProjectResource(name)).WithAnnotation<IProjectMetadata>(metadata);
        var profile = LaunchProfile.Read(Path.GetDirectoryName(metadata.ProjectPath)!, launchProfileName ?? builder.Configuration["DOTNET_LAUNCH_PROFILE"]);
        if (profile is null)
            return project;

        foreach (var url in profile.Urls)
            project.WithAnnotation(new EndpointAnnotation(url.Scheme, url.Scheme, url.Port));
        return project.WithEnvironment(context =>
        {
            context.EnvironmentVariables["DOTNET_LAUNCH_PROFILE"] = profile.Name;
            foreach (var (key, value) in profile.Environment)
                context.EnvironmentVariables[key] = value;
        });
    }

    /// <summary>How many copies run, behind one address.</summary>
    public static IResourceBuilder<ProjectResource> WithReplicas(this IResourceBuilder<ProjectResource> builder, int replicas)
    {
        if (replicas is < 1 or > 64)
            throw new DistributedApplicationException($"'{builder.Resource.Name}' cannot have {replicas} replicas: give a number from 1 to 64.");

        return builder.WithAnnotation(new ReplicaAnnotation(replicas));
    }
}
