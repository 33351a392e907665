using System.Buffers;
using System.Globalization;
using System.Text;

namespace Flows.Api.Runs;

/// <summary>
/// Runs as a table for spreadsheets (RFC 4180): written while it is read, at most <see cref="MaxRows"/> rows. A cell that a spreadsheet would take
/// for a formula begins with an apostrophe.
/// </summary>
internal sealed class RunCsv(RunReader runs, RunFilter filter) : IResult
{
    public const int MaxRows = 50_000;
    private const int RowsAtOnce = 500;
    private static readonly SearchValues<char> s_quoted = SearchValues.Create(",\"\r\n");

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (response, cancel) = (httpContext.Response, httpContext.RequestAborted);
        var page = filter with { Limit = RowsAtOnce };
        // The first rows before the first byte: what Postgres refuses is still an error then, and no half of a table.
        var rows = await runs.ListAsync(page, cancel);
        response.ContentType = "text/csv; charset=utf-8; header=present";
        response.Headers.ContentDisposition = "attachment; filename=\"runs.csv\"";
        await response.WriteAsync("id,flowId,version,status,environment,createdAt,startedAt,finishedAt,attempt,failedStep,errorCode,errorMessage,tags\r\n", cancel);
        for (var written = 0; ;)
        {
            var text = new StringBuilder();
            foreach (var run in rows.Items.Take(MaxRows - written))
                Write(text, run);
            await response.WriteAsync(text.ToString(), cancel);
            written += rows.Items.Count;
            if (rows.NextCursor is null || written >= MaxRows)
                return;
            rows = await runs.ListAsync(page with { Before = rows.Items[^1].Id }, cancel);
        }
    }

    private static void Write(StringBuilder text, RunView run)
    {
        string?[] cells =
        [
            run.Id.ToString(), run.FlowId.ToString(), run.Version?.ToString(CultureInfo.InvariantCulture), run.Status.ToString(), run.Environment.ToString(),
            Time(run.CreatedAt), Time(run.StartedAt), Time(run.FinishedAt), run.Attempt.ToString(CultureInfo.InvariantCulture),
            run.FailedStep, run.Error?.Code, run.Error?.Message, run.Tags is null ? null : string.Join(", ", run.Tags),
        ];
        text.AppendJoin(',', cells.Select(Cell)).Append("\r\n");
    }

    private static string? Time(DateTimeOffset? time) => time?.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture);

    internal static string Cell(string? value)
    {
        if (string.IsNullOrEmpty(value))
            return "";
        if (value[0] is '=' or '+' or '-' or '@' or '\t' or '\r')
            value = "'" + value;
        return value.AsSpan().ContainsAny(s_quoted) ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value;
    }
}
