using Aspire.Hosting;

namespace Flows.Tests.LocalHosting;

public sealed class TheGeneratedProjects
{
    [Fact]
    public void Every_project_that_is_a_resource_has_a_class_that_knows_where_it_lies()
    {
        foreach (IProjectMetadata project in (IProjectMetadata[])[new Projects.Flows_Api(), new Projects.Flows_Worker()])
            Assert.True(File.Exists(project.ProjectPath), project.ProjectPath);
        Assert.True(File.Exists(Path.Combine(Projects.Flows_AppHost.ProjectPath, "Program.cs")));
    }

    [Fact]
    public void A_project_that_is_only_a_library_has_none()
    {
        var names = typeof(Projects.Flows_AppHost).Assembly.GetTypes().Where(type => type.Namespace == "Projects").Select(type => type.Name).Order();
        Assert.Equal(["Flows_Api", "Flows_AppHost", "Flows_Worker"], names);
    }
}
