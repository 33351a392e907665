using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Postgres;

internal sealed partial class PostgresPiece
{
    internal sealed record NewRowInput(string Table, string Column);

    /// <summary>
    /// Numbers are handed out before their transactions commit, so a row may appear behind one that was seen. The cursor therefore stays a hundred
    /// rows behind the newest, and those are read again each time; the flow's marks tell which of them are new.
    /// </summary>
    private sealed class NewRow() : PollingTrigger<NewRowInput>("new_row", "New row", "Starts once for each row that is added to a table.", """
        { "id": 7, "customer": "Ada", "total": "19.99", "createdAt": "2026-03-29T07:30:00Z" }
        """, PostgresJson.Default)
    {
        private const int Behind = 100;

        protected override IReadOnlyList<PropDescription> OwnProps { get; } =
        [
            Prop.Text("table", "Table", required: true, help: "orders, or with its schema: shop.orders.", source: "tables"),
            Prop.Text("column", "Ordering column", required: true, help: "A column that is unique and grows with every row, such as an identity or a UUIDv7. It should have an index.", source: "columns"),
        ];

        protected override Task<TriggerEvents> PollAsync(NewRowInput input, RawJson? cursor, PieceContext context, CancellationToken cancel)
        {
            var (table, column) = (Quoted(input.Table, "table"), QuotedPart(input.Column, "column"));
            return AskAsync(context, s_patience, async (database, either) =>
            {
                await database.RunAsync($"BEGIN READ ONLY; SET LOCAL statement_timeout = {Milliseconds(s_patience)}", either);
                var after = cursor is { } json
                    ? Value.FromJson(json)
                    : (await database.QueryAsync($"SELECT t.{column}::text FROM {table} t WHERE t.{column} IS NOT NULL ORDER BY t.{column} DESC OFFSET {Behind} LIMIT 1", null, 1, either))
                        .Rows.Select(row => row[0]).FirstOrDefault(Value.Null);
                var found = await database.QueryAsync(
                    $"SELECT t.*, t.{column}::text FROM {table} t WHERE {(after.IsNull ? $"t.{column} IS NOT NULL" : $"t.{column} > $1")} ORDER BY t.{column} LIMIT {TriggerEvents.MostItems}",
                    after.IsNull ? null : [after], 0, either);
                var own = found.Columns.Count - 1;
                var next = found.Rows.Count > Behind ? found.Rows[^(Behind + 1)][own] : after;
                return new TriggerEvents(
                    [.. found.Rows.Select(row => new TriggerItem(row[own].ToString(), found.ObjectOf(row, own).ToRawJson()))],
                    next.ToRawJson(), HasMore: found.Rows.Count == TriggerEvents.MostItems);
            }, cancel);
        }
    }

    private static Task<IReadOnlyList<PropOption>> TablesAsync(OptionQuestion question, PieceContext context, CancellationToken cancel) =>
        AskAsync<IReadOnlyList<PropOption>>(context, s_patience, async (database, either) =>
        {
            var found = await database.QueryAsync("""
                SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END::text
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
                    AND NOT c.relispartition AND has_table_privilege(c.oid, 'SELECT')
                ORDER BY 1 LIMIT 10000
                """, null, 0, either);
            return [.. found.Rows.Select(row => row[0].ToString()).Where(name => question.Matches(name)).Take(PropOption.Most).Select(name => new PropOption(name, name))];
        }, cancel);

    // Of the table that the form has already.
    private static Task<IReadOnlyList<PropOption>> ColumnsAsync(OptionQuestion question, PieceContext context, CancellationToken cancel)
    {
        var table = Quoted(WebAnswer.TextAt(question.Input, "table") is { Length: > 0 } named ? named : throw PieceException.Input("choose the table first."), "table");
        return AskAsync<IReadOnlyList<PropOption>>(context, s_patience, async (database, either) =>
        {
            var found = await database.QueryAsync("""
                SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
                WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
                """, [Value.Of(table)], 0, either);
            return [.. found.Rows.Where(row => question.Matches(row[0].ToString())).Select(row => new PropOption(row[0].ToString(), $"{row[0]} ({row[1]})"))];
        }, cancel);
    }

    // Names are written into the statement, so each stands in quotes and can be nothing but a name.
    private static string Quoted(string name, string field)
    {
        var parts = name.Split('.');
        return parts.Length <= 2
            ? string.Join('.', parts.Select(part => QuotedPart(part, field)))
            : throw PieceException.Input($"'{field}' is a name, with its schema before a dot where it needs one.");
    }

    private static string QuotedPart(string name, string field) =>
        name.Length is > 0 and <= 63 && !name.Contains('\0', StringComparison.Ordinal)
            ? $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            : throw PieceException.Input($"'{field}' must be a name of 1 to 63 characters.");
}
