using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Flows.Queue;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;
using Npgsql;

namespace Flows.Api;

/// <summary>Gives every error the shape of <see cref="Problems"/>, whoever made it: an endpoint, routing, the JSON reader, Postgres, a bug.</summary>
internal static partial class ErrorAnswers
{
    public static IHostApplicationBuilder AddErrorAnswers(this IHostApplicationBuilder builder)
    {
        // Without this the framework answers a bad request itself, with an empty body.
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        // For problems that are not made by Problems.
        builder.Services.AddProblemDetails(options => options.CustomizeProblemDetails = context =>
            context.ProblemDetails.Extensions["traceId"] = Problems.TraceId ?? context.HttpContext.TraceIdentifier);
        return builder;
    }

    /// <summary>First in the pipeline. An endpoint that sends the answer of a flow opts out with <c>ISkipStatusCodePagesMetadata</c>.</summary>
    public static void UseErrorAnswers(this IApplicationBuilder app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = AnswerExceptionAsync, SuppressDiagnosticsCallback = _ => true });
        app.UseStatusCodePages(pages => AnswerStatusAsync(pages.HttpContext));
    }

    /// <summary>After routing and before access: what does not exist is 404 for everybody, and no question of credentials.</summary>
    public static void UseUnknownRoutes(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        if (context.GetEndpoint() is not null)
            return next(context);
        context.Response.StatusCode = StatusCodes.Status404NotFound; // the body comes from AnswerStatusAsync
        return Task.CompletedTask;
    });

    private static Task AnswerStatusAsync(HttpContext context)
    {
        var request = context.Request;
        if (context.Response.StatusCode == StatusCodes.Status400BadRequest && UnreadParameter(context) is { } problem)
            return Problems.WriteAsync(context, StatusCodes.Status400BadRequest, $"{problem.Path}: {problem.Message}", [problem]);
        return Problems.WriteAsync(context, context.Response.StatusCode, context.Response.StatusCode switch
        {
            StatusCodes.Status404NotFound => $"There is nothing at {request.Path}.",
            StatusCodes.Status405MethodNotAllowed => $"{request.Path} does not take {request.Method}; it takes {context.Response.Headers.Allow}.",
            StatusCodes.Status413PayloadTooLarge => TooLarge(context),
            StatusCodes.Status415UnsupportedMediaType => "A body of type application/json is expected.",
            _ => "The request was refused.",
        });
    }

    /// <summary>
    /// The first parameter whose text is not of its type. Bindings that the build makes refuse an optional one without a word:
    /// https://learn.microsoft.com/aspnet/core/fundamentals/aot/request-delegate-generator/rdg
    /// </summary>
    private static FieldProblem? UnreadParameter(HttpContext context)
    {
        foreach (var parameter in context.GetEndpoint()?.Metadata.GetOrderedMetadata<IParameterBindingMetadata>() ?? [])
        {
            if (!parameter.HasTryParse)
                continue;
            var name = NameInQuery(parameter.Name);
            var text = context.Request.RouteValues.TryGetValue(name, out var part) ? part?.ToString() : context.Request.Query[name].ToString();
            var type = Nullable.GetUnderlyingType(parameter.ParameterInfo.ParameterType) ?? parameter.ParameterInfo.ParameterType;
            if (!string.IsNullOrEmpty(text) && WordFor(type, text) is { } word)
                return new FieldProblem(name, $"'{text}' is not a valid {word}.");
        }
        return null;
    }

    /// <summary>What the type is called to callers, when the text is not of it.</summary>
    private static string? WordFor(Type type, string text) => Type.GetTypeCode(type) switch
    {
        TypeCode.Int16 or TypeCode.Int32 => int.TryParse(text, CultureInfo.InvariantCulture, out _) ? null : TypeWord("int"),
        TypeCode.Int64 => long.TryParse(text, CultureInfo.InvariantCulture, out _) ? null : TypeWord("long"),
        TypeCode.Boolean => bool.TryParse(text, out _) ? null : TypeWord("bool"),
        _ when type == typeof(Guid) => Guid.TryParse(text, out _) ? null : TypeWord("Guid"),
        _ when type == typeof(DateTimeOffset) => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _) ? null : TypeWord("DateTimeOffset"),
        _ => null,
    };

    private static Task AnswerExceptionAsync(HttpContext context)
    {
        var error = context.Features.GetRequiredFeature<IExceptionHandlerFeature>().Error;
        switch (error)
        {
            case BadHttpRequestException { InnerException: JsonException json }:
                return AnswerJsonAsync(context, json);
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } large:
                // The server's own words name no limit of ours; an endpoint's do.
                return Problems.WriteAsync(context, StatusCodes.Status413PayloadTooLarge,
                    large.Message.StartsWith("Request body too large", StringComparison.Ordinal) ? TooLarge(context) : large.Message);
            case BadHttpRequestException bad:
                return AnswerBadRequestAsync(context, bad);
            case InvalidOperationException { Message: var words } when words.StartsWith(UnknownCharset, StringComparison.Ordinal):
                return Problems.WriteAsync(context, StatusCodes.Status415UnsupportedMediaType, "The charset that Content-Type names is not known here. Send UTF-8.");
            case QueueUnavailableException:
                return Problems.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "The queue cannot be reached.", retryAfter: TimeSpan.FromSeconds(2));
        }

        var logger = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(ErrorAnswers));
        if (Database.IsUnavailable(error))
        {
            LogUnavailable(logger, context.Request.Method, context.Request.Path, error.GetBaseException().Message);
            return Problems.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "The database cannot be reached.", retryAfter: TimeSpan.FromSeconds(2));
        }
        if (error.GetBaseException() is PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire or PostgresErrorCodes.UntranslatableCharacter })
            return Problems.WriteAsync(context, StatusCodes.Status400BadRequest, "A text in the request has the character NUL, which cannot be kept.");
        LogFailed(logger, error, context.Request.Method, context.Request.Path);
        return Problems.WriteAsync(context, StatusCodes.Status500InternalServerError, "This is a fault of Flows. The log has the details under this traceId.");
    }

    /// <summary>The reader's messages name .NET types, which means nothing to a caller; only what it found and where is passed on.</summary>
    private static Task AnswerJsonAsync(HttpContext context, JsonException error)
    {
        var path = error.Path ?? "$";
        var place = error is { LineNumber: { } line, BytePositionInLine: { } position } ? $" (line {line + 1}, position {position + 1})" : "";
        string message;
        if (UnknownField().Match(error.Message) is { Success: true } unknown)
        {
            (path, message) = (Join(path, unknown.Groups[1].Value), $"There is no field '{unknown.Groups[1].Value}' here.");
        }
        else if (MissingFields().Match(error.Message) is { Success: true } missing)
        {
            return Problems.WriteAsync(
                context, StatusCodes.Status400BadRequest, $"The body is not what is expected{place}: Missing: {missing.Groups[1].Value}.",
                [.. QuotedName().Matches(missing.Groups[1].Value).Select(name => new FieldProblem($"{path}.{name.Groups[1].Value}", "A value is needed."))]);
        }
        else if (TwiceTheSame().Match(error.Message) is { Success: true } twice)
        {
            (path, message) = (Join(path, twice.Groups[1].Value), $"The field '{twice.Groups[1].Value}' is there twice.");
        }
        else if (error.Message.Contains("could not be converted", StringComparison.Ordinal))
        {
            message = "The value is not of the type expected here.";
        }
        else if (error.Message.Contains("doesn't allow null", StringComparison.Ordinal) || error.Message.Contains("non-nullable", StringComparison.Ordinal))
        {
            message = "The value must not be null.";
        }
        else
        {
            message = PositionSuffix().Replace(error.Message, "").TrimEnd();
        }

        return Problems.WriteAsync(
            context, StatusCodes.Status400BadRequest, $"The body is not what is expected{place}: {message}", [new FieldProblem(path, message)]);

        static string Join(string path, string field) => path.EndsWith('.' + field, StringComparison.Ordinal) ? path : $"{path}.{field}";
    }

    private static string TooLarge(HttpContext context) =>
        $"The body is over the limit of {context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize:N0} bytes.";

    private static Task AnswerBadRequestAsync(HttpContext context, BadHttpRequestException error)
    {
        if (error.StatusCode == StatusCodes.Status415UnsupportedMediaType)
            return Problems.WriteAsync(context, error.StatusCode, "A body of type application/json is expected.");
        if (BadParameter().Match(error.Message) is { Success: true } bad)
        {
            var name = NameInQuery(bad.Groups["name"].Value);
            var message = $"'{bad.Groups["value"].Value}' is not a valid {TypeWord(bad.Groups["type"].Value)}.";
            return Problems.WriteAsync(context, error.StatusCode, $"{name}: {message}", [new FieldProblem(name, message)]);
        }
        if (MissingParameter().Match(error.Message) is { Success: true } missing && !missing.Groups["from"].Value.Contains("body", StringComparison.Ordinal))
        {
            var name = NameInQuery(missing.Groups["name"].Value);
            return Problems.WriteAsync(context, error.StatusCode, $"{name} is missing.", [new FieldProblem(name, "A value is needed.")]);
        }
        var aboutBody = error.Message.Contains("body", StringComparison.OrdinalIgnoreCase) && error.Message.Contains("provided", StringComparison.Ordinal);
        return aboutBody
            ? Problems.WriteAsync(context, error.StatusCode, "A JSON body is expected, and there is none.", [new FieldProblem("$", "A value is needed.")])
            : Problems.WriteAsync(context, error.StatusCode, error.Message);
    }

    /// <summary>The members of a query record are reported by their C# name.</summary>
    private static string NameInQuery(string member) => JsonNamingPolicy.CamelCase.ConvertName(member);

    private static string TypeWord(string type) => type.TrimEnd('?').Replace("Nullable<", "", StringComparison.Ordinal).TrimEnd('>') switch
    {
        "int" or "long" or "short" => "whole number",
        "bool" => "true or false",
        "Guid" => "id",
        "DateTimeOffset" or "DateTime" => "date and time",
        "TimeSpan" => "time span",
        var other => other,
    };

    private const string UnknownCharset = "Unable to read the request as JSON because the request content type charset";

    // System.Text.Json and the request delegate factory have no structured form of these; the tests hold the texts.
    [GeneratedRegex("^The JSON property '(.+?)' could not be mapped")]
    private static partial Regex UnknownField();
    [GeneratedRegex("^Duplicate property '(.+?)' encountered")]
    private static partial Regex TwiceTheSame();
    [GeneratedRegex("missing required properties including: (.+?)\\.?( Path:.*)?$")]
    private static partial Regex MissingFields();
    [GeneratedRegex("'([^']+)'")]
    private static partial Regex QuotedName();
    [GeneratedRegex(" (Path: .*\\| )?LineNumber: .*$")]
    private static partial Regex PositionSuffix();
    [GeneratedRegex("^Failed to bind parameter \"(?<type>.+) (?<name>\\S+)\" from \"(?<value>.*)\"\\.$", RegexOptions.Singleline)]
    private static partial Regex BadParameter();
    [GeneratedRegex("^Required parameter \"(?<type>.+) (?<name>\\S+)\" was not provided from (?<from>.+)\\.$")]
    private static partial Regex MissingParameter();

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed.")]
    private static partial void LogFailed(ILogger logger, Exception error, string method, PathString path);
    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} {Path}: the database cannot be reached: {Reason}")]
    private static partial void LogUnavailable(ILogger logger, string method, PathString path, string reason);
}
