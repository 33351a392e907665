using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;

namespace Flows.Engine.Expressions;

/// <summary>What names mean while there is no run: sample data, the project's variables, and stand-ins for what only a run has.</summary>
internal sealed class PreviewScope : Scope
{
    private const string NoId = "00000000-0000-0000-0000-000000000000";
    private readonly Dictionary<string, Value> _names = new(StringComparer.Ordinal);

    /// <exception cref="System.Text.Json.JsonException">A sample nests too deeply, or holds too large a number.</exception>
    public PreviewScope(PreviewContext context)
    {
        _names["run"] = ValueObject.Of([new("id", Value.Of(NoId)), new("environment", Value.Of("Test"))]);
        _names["flow"] = ValueObject.Of([new("id", Value.Of(NoId)), new("name", Value.Of("")), new("versionId", Value.Of(NoId))]);
        _names["vars"] = ObjectOf(context.Variables);
        _names["connections"] = ObjectOf(context.Connections);
        _names["errors"] = context.Errors is { } errors ? Value.FromJson(errors) : Value.Of(ValueObject.Empty);
        if (context.Trigger is { } trigger)
            _names["trigger"] = Value.FromJson(trigger);
        Add(context.Steps);
        Add(context.Loop); // inside a loop its name is the item, whatever it is after it

        void Add(IReadOnlyDictionary<string, RawJson>? values)
        {
            foreach (var (name, value) in values ?? new Dictionary<string, RawJson>())
                _names[name] = Value.FromJson(value);
        }
    }

    public override bool TryGet(string name, out Value value) => _names.TryGetValue(name, out value);

    public override IEnumerable<string> Names => _names.Keys;

    private static Value ObjectOf(IReadOnlyDictionary<string, RawJson>? values) =>
        ValueObject.Of((values ?? new Dictionary<string, RawJson>()).Select(pair => new KeyValuePair<string, Value>(pair.Key, Value.FromJson(pair.Value))));
}
