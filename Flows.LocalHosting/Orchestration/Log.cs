using Microsoft.Extensions.Logging;

namespace Flows.LocalHosting.Orchestration;

internal static partial class Log
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "{Replica} ended with code {ExitCode}; it is started again in {Seconds} s. Its last lines:{LastLines}")]
    public static partial void Crashed(ILogger logger, string replica, int exitCode, double seconds, string lastLines);

    [LoggerMessage(EventId = 2, Level = LogLevel.Error, Message = "{Replica} cannot be started: {Reason}")]
    public static partial void FailedToStart(ILogger logger, string replica, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "{Resource} is ready after {Seconds:0.00} s")]
    public static partial void Ready(ILogger logger, string resource, double seconds);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "{Resource} is not started here: its connection string is given")]
    public static partial void External(ILogger logger, string resource);

    [LoggerMessage(EventId = 5, Level = LogLevel.Information, Message = "{Resource} keeps its data in {Folder}, because user '{User}' cannot pass through {Closed}")]
    public static partial void DataElsewhere(ILogger logger, string resource, string folder, string user, string closed);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "Dashboard: {Url}")]
    public static partial void Dashboard(ILogger logger, string url);
}
