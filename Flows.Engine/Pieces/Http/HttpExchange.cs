using System.Globalization;
using System.Net.Sockets;
using Flows.Contracts.Network;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Http;

/// <summary>Sends a request, follows its redirects, and reads the answer, within one time limit.</summary>
internal static class HttpExchange
{
    private const int MaxRedirects = 10;
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(1);

    /// <exception cref="PieceException">No answer came, or none that can be read.</exception>
    public static async Task<HttpPiece.RequestOutput> SendAsync(
        OutgoingRequest request, HttpPiece.RequestInput input, PieceContext context, CancellationToken cancel)
    {
        var timeout = TimeoutOf(input.Timeout);
        using var time = new CancellationTokenSource(timeout, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, time.Token);
        var first = $"{request.Method} {Shown(request.Url)}";
        try
        {
            for (var hop = 0; ; hop++)
            {
                using var message = request.ToMessage();
                using var answer = await context.Http.Client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, either.Token);
                if (!input.FollowRedirects || NextUrl(request.Url, answer) is not { } next)
                    return await AnswerReader.ReadAsync(answer, input, context, either.Token);
                if (hop == MaxRedirects)
                    throw PieceException.Final($"{first} was redirected more than {MaxRedirects} times.", "redirects");
                request = request.RedirectedTo(next, (int)answer.StatusCode);
            }
        }
        catch (OperationCanceledException) when (time.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw PieceException.Transient($"{first} was not answered within {timeout:c}.", StepErrorCodes.Timeout);
        }
        catch (Exception error) when (NetworkRefusedException.In(error) is { } refused)
        {
            throw PieceException.Final($"{first} failed: {refused.Message}", NetworkRefusedException.Code);
        }
        catch (HttpRequestException error)
        {
            throw PieceException.Transient($"{first} failed: {Reason(error, request.Url)}.", StepErrorCodes.Network);
        }
        catch (IOException error)
        {
            throw PieceException.Transient($"{first} failed: the connection broke off ({error.Message.TrimEnd('.')}).", StepErrorCodes.Network);
        }
    }

    /// <summary>An address as messages show it: without the query, which may hold a key.</summary>
    public static string Shown(Uri url) => url.GetLeftPart(UriPartial.Path);

    private static Uri? NextUrl(Uri from, HttpResponseMessage answer)
    {
        if ((int)answer.StatusCode is not (301 or 302 or 303 or 307 or 308) || answer.Headers.Location is not { } location)
            return null;
        var next = new Uri(from, location);
        return next.Scheme is "http" or "https"
            ? next
            : throw PieceException.Final($"{Shown(from)} redirects to an address of the scheme '{next.Scheme}'.", "redirects");
    }

    private static string Reason(HttpRequestException error, Uri url) => error.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError => $"the host '{url.Host}' is not known",
        HttpRequestError.ConnectionError when error.InnerException is SocketException socket =>
            $"no connection to {url.Authority} ({socket.SocketErrorCode})",
        _ when error.InnerException is TimeoutException => $"{url.Authority} did not take a connection in time",
        HttpRequestError.ConnectionError => $"no connection to {url.Authority}",
        HttpRequestError.SecureConnectionError => $"no secure connection to {url.Authority}; is its certificate valid?",
        HttpRequestError.ResponseEnded => "the answer ended too early",
        _ => $"{url.Authority} did not answer with HTTP ({error.HttpRequestError})",
    };

    private static TimeSpan TimeoutOf(string text) =>
        TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var timeout) && timeout > TimeSpan.Zero && timeout <= s_longest
            ? timeout
            : throw PieceException.Input($"'timeout' must be a time such as 00:00:30, at most {s_longest:c}; found \"{text}\".");
}
