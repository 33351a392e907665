using Flows.ServiceDefaults;

namespace Flows.Api;

/// <summary>What this executable is: setting <c>Flows:ContainerType</c>.</summary>
internal enum ContainerType
{
    /// <summary><c>WORKER_AND_APP</c>, the default: API and worker in one process, for small installations.</summary>
    WorkerAndApp,
    /// <summary><c>APP</c>: the API alone; workers are processes of their own.</summary>
    App,
}

internal static class ContainerTypeSetting
{
    public const string Key = "Flows:ContainerType";

    /// <exception cref="StartRefusedException">The setting is neither of the two words.</exception>
    public static ContainerType ReadContainerType(this IConfiguration configuration) => configuration[Key] switch
    {
        null or "" or "WORKER_AND_APP" => ContainerType.WorkerAndApp,
        "APP" => ContainerType.App,
        "WORKER" => throw new StartRefusedException(
            $"{StartFailure.InEnvironment(Key)} is 'WORKER': that is the executable Flows.Worker. This one is WORKER_AND_APP or APP."),
        var other => throw new StartRefusedException($"{StartFailure.InEnvironment(Key)} is '{other}'. It must be WORKER_AND_APP or APP."),
    };
}
