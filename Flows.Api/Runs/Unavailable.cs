using System.Globalization;

namespace Flows.Api.Runs;

/// <summary>This instance cannot do it right now; the caller should come back.</summary>
internal sealed class UnavailableException(string message) : Exception(message);

/// <summary>Answers an <see cref="UnavailableException"/>, or a database that cannot be reached, with 503 and Retry-After.</summary>
internal sealed partial class UnavailableFilter(ILogger<UnavailableFilter> log) : IEndpointFilter
{
    private const int RetryAfterSeconds = 2;

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (Exception error) when (error is UnavailableException || Database.IsUnavailable(error))
        {
            LogRefused(log, context.HttpContext.Request.Method, context.HttpContext.Request.Path, error.GetBaseException().Message);
            context.HttpContext.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
            return RunProblems.Unavailable(error is UnavailableException ? error.Message : "The database cannot be reached. Try again in a moment.");
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} {Path} was answered with 503: {Reason}")]
    private static partial void LogRefused(ILogger log, string method, PathString path, string reason);
}
