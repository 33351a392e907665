using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Postgres;

/// <summary>Asks and changes a PostgreSQL database. Values go as parameters and never into the text of a statement.</summary>
internal sealed partial class PostgresPiece() : Piece("postgres", "PostgreSQL", "Runs SQL on a PostgreSQL database, and starts flows from new rows.")
{
    private const int Port = 5432;
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public override AuthDescription Auth { get; } = new(
        "custom", "PostgreSQL server", "The role should be allowed only what the flows need.",
        [.. ServerConnection.Fields(Port, ["tls", "none"]), Prop.Text("database", "Database", required: true)]);

    public override IReadOnlyList<PieceAction> Actions => [new Execute(), new Query()];

    public override IReadOnlyList<PieceTrigger> Triggers => [new NewRow()];

    public override IReadOnlyList<OptionSource> Sources => [new("tables", TablesAsync), new("columns", ColumnsAsync)];

    public override bool CanTest => true;

    public override Task<string> TestAsync(PieceContext context, CancellationToken cancel) => AskAsync(context, s_patience, async (database, either) =>
    {
        var found = await database.QueryAsync("SELECT current_user || '@' || current_database()", null, 1, either);
        return found.Rows[0][0].ToString();
    }, cancel);

    internal sealed record StatementInput(string Sql, IReadOnlyList<Value>? Parameters, string Timeout);
    internal sealed record QueryInput(string Sql, IReadOnlyList<Value>? Parameters, long MaxRows, string Timeout);
    internal sealed record ExecuteOutput(long Rows);

    /// <param name="Truncated">True when there were more rows than were asked for.</param>
    internal sealed record QueryOutput(IReadOnlyList<Value> Rows, int Count, bool Truncated);

    private static PropDescription Parameters { get; } = Prop.List("parameters", "Parameters", help: "The values of $1, $2 … in the statement. Objects and lists go as JSON.");
    private static PropDescription Limit { get; } = Prop.Duration("timeout", "Timeout", "00:00:30", "At most one hour.");

    private sealed class Execute() : PieceAction<StatementInput, ExecuteOutput>(
        "execute", "Change data", "Runs one statement in a transaction of its own, and tells how many rows it touched.", StepEffect.Effect, PostgresJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.Multiline("sql", "SQL", required: true, help: "INSERT INTO orders (id, total) VALUES ($1, $2)"), Parameters, Limit];

        protected override Task<ExecuteOutput> RunAsync(StatementInput input, PieceContext context, CancellationToken cancel)
        {
            var timeout = TimeoutOf(input.Timeout);
            return AskAsync(context, timeout, async (database, either) =>
            {
                await database.RunAsync($"SET statement_timeout = {Milliseconds(timeout)}", either);
                return new ExecuteOutput((await database.QueryAsync(input.Sql, input.Parameters, 0, either)).Affected);
            }, cancel);
        }
    }

    private sealed class Query() : PieceAction<QueryInput, QueryOutput>(
        "query", "Query rows", "Runs one statement that only reads, and gives its rows as objects.", StepEffect.Idempotent, PostgresJson.Default)
    {
        private const int MostRows = 100_000;

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("sql", "SQL", required: true, help: "SELECT id, total FROM orders WHERE customer = $1"),
            Parameters,
            Prop.Integer("maxRows", "Rows, at most", otherwise: 1000, help: "From 1 to 100000."),
            Limit,
        ];

        protected override Task<QueryOutput> RunAsync(QueryInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.MaxRows is < 1 or > MostRows)
                throw PieceException.Input($"'maxRows' must be from 1 to {MostRows}; found {input.MaxRows.ToString(CultureInfo.InvariantCulture)}.");
            var timeout = TimeoutOf(input.Timeout);
            return AskAsync(context, timeout, async (database, either) =>
            {
                // The server itself refuses a write: a query may be repeated after a crash.
                await database.RunAsync($"BEGIN READ ONLY; SET LOCAL statement_timeout = {Milliseconds(timeout)}", either);
                var found = await database.QueryAsync(input.Sql, input.Parameters, (int)input.MaxRows, either);
                return new QueryOutput([.. found.Rows.Select(row => found.ObjectOf(row, found.Columns.Count))], found.Rows.Count, found.IsCut);
            }, cancel);
        }
    }

    /// <summary>One connection for one call.</summary>
    /// <exception cref="PieceException">The server cannot be reached, or refuses; SQL errors keep their SQLSTATE in the detail.</exception>
    private static async Task<T> AskAsync<T>(PieceContext context, TimeSpan timeout, Func<PgConnection, CancellationToken, Task<T>> ask, CancellationToken cancel)
    {
        var server = ServerConnection.Of(context, Port, "tls");
        using var time = new CancellationTokenSource(timeout, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, time.Token);
        try
        {
            await using var database = await PgConnection.OpenAsync(server, ConnectionOf.Field(context, "database"), context, either.Token);
            return await ask(database, either.Token);
        }
        catch (Exception) when (time.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw PieceException.Transient($"{server.Host}:{server.Port} did not answer within {timeout:c}.", StepErrorCodes.Timeout);
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            throw PieceException.Transient($"the connection to {server.Host}:{server.Port} broke off: {error.Message.TrimEnd('.')}.", StepErrorCodes.Network);
        }
    }

    private static string Milliseconds(TimeSpan timeout) => ((long)timeout.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);

    private static TimeSpan TimeoutOf(string text) =>
        TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var timeout) && timeout >= TimeSpan.FromMilliseconds(1) && timeout <= s_longest
            ? timeout
            : throw PieceException.Input($"'timeout' must be a time such as 00:00:30, at most {s_longest:c}; found \"{text}\".");

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(StatementInput))]
    [JsonSerializable(typeof(QueryInput))]
    [JsonSerializable(typeof(ExecuteOutput))]
    [JsonSerializable(typeof(QueryOutput))]
    [JsonSerializable(typeof(NewRowInput))]
    private sealed partial class PostgresJson : JsonSerializerContext;
}
