namespace Aspire.Hosting;

/// <summary>How an AppHost is created. The members the Local stack understands.</summary>
public sealed class DistributedApplicationOptions
{
    /// <summary>Command line; `--Name:Part=value` becomes configuration.</summary>
    public string[]? Args { get; set; }
    /// <summary>No dashboard page. True in tests unless they ask for it.</summary>
    public bool DisableDashboard { get; set; }
    /// <summary>The AppHost's assembly; by default the one the process was started with.</summary>
    public string? AssemblyName { get; set; }
    /// <summary>The folder of the AppHost project; by default the one it was built from.</summary>
    public string? ProjectDirectory { get; set; }
}

/// <summary>What the AppHost was started to do.</summary>
public enum DistributedApplicationOperation
{
    Run,
    Publish,
}

/// <summary>Tells run mode from publish mode.</summary>
public class DistributedApplicationExecutionContext(DistributedApplicationOperation operation)
{
    public DistributedApplicationOperation Operation { get; } = operation;
    public bool IsPublishMode => Operation == DistributedApplicationOperation.Publish;
    public bool IsRunMode => Operation == DistributedApplicationOperation.Run;
}

/// <summary>Something a person has to put right; the message says what and how, and is shown without a stack trace.</summary>
public class DistributedApplicationException : Exception
{
    public DistributedApplicationException()
    {
    }

    public DistributedApplicationException(string message) : base(message)
    {
    }

    public DistributedApplicationException(string message, Exception inner) : base(message, inner)
    {
    }
}

/// <summary>Where a project resource lies; the Projects.* classes that the build generates implement it.</summary>
public interface IProjectMetadata : ApplicationModel.IResourceAnnotation
{
    /// <summary>Full path of the csproj.</summary>
    string ProjectPath { get; }
}
