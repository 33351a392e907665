using System.Text.Json;
using System.Text.RegularExpressions;
using Flows.Contracts.Definitions;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine;

/// <summary>What every piece of the catalogue keeps to.</summary>
public sealed partial class PieceConformanceTests
{
    private static readonly string[] s_types = ["string", "number", "integer", "boolean", "object", "array", "any"];
    private static readonly string[] s_controls = ["text", "multiline", "number", "checkbox", "select", "json", "pairs", "secret", "datetime", "duration", "code"];
    private static readonly string[] s_triggerKinds = ["webhook", "manual", "schedule", "polling", "hook"];

    [Fact]
    public void Pieces_are_listed_in_alphabetical_order_and_once()
    {
        var names = PieceCatalog.All.Pieces.Select(piece => piece.Name).ToArray();
        Assert.Equal(names.Distinct().Order(StringComparer.Ordinal), names);
    }

    [Fact]
    public void Names_are_lower_snake_and_unique_and_everything_has_a_title()
    {
        foreach (var piece in PieceCatalog.All.Pieces.Select(piece => piece.Describe()))
        {
            Named(piece.Name, piece.Title, piece.Description);
            Assert.True(piece.Actions.Count + piece.Triggers.Count > 0, $"{piece.Name} offers nothing.");
            Assert.Distinct(piece.Actions.Select(action => action.Name).Concat(piece.Triggers.Select(trigger => trigger.Name)));
            foreach (var action in piece.Actions)
                Named(action.Name, action.Title, action.Description);
            foreach (var trigger in piece.Triggers)
            {
                Named(trigger.Name, trigger.Title, trigger.Description);
                Assert.Contains(trigger.Kind, s_triggerKinds);
                Assert.NotNull(trigger.Sample);
            }
        }

        static void Named(string name, string title, string description)
        {
            Assert.Matches(LowerSnake(), name);
            Assert.False(string.IsNullOrWhiteSpace(title), name);
            Assert.EndsWith(".", description, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Props_are_titled_and_their_types_controls_and_defaults_fit()
    {
        foreach (var (owner, prop) in AllProps())
        {
            var name = $"{owner}.{prop.Name}";
            Assert.True(CamelCase().IsMatch(prop.Name), name);
            Assert.False(string.IsNullOrWhiteSpace(prop.Title), name);
            Assert.Contains(prop.Type, s_types);
            Assert.Contains(prop.Control, s_controls);
            Assert.Equal(prop.Control == "select", prop.Options is not null);
            if (prop.Default is not { } otherwise)
                continue;
            Assert.False(prop.Required, $"{name} is required and has a default.");
            Assert.Equal(prop.Type, TypeOf(otherwise));
            if (prop.Options is { } options)
                Assert.Contains(otherwise.GetString(), options);
        }
    }

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Number when value.TryGetInt64(out _) => "integer",
        var kind => kind.ToString().ToLowerInvariant(),
    };

    [Fact]
    public void The_props_of_an_action_are_the_properties_of_its_input()
    {
        foreach (var action in PieceCatalog.All.Pieces.SelectMany(piece => piece.Actions))
        {
            Assert.Distinct(action.Props.Select(prop => prop.Name));
            Assert.Equal(action.Props.Select(prop => prop.Name).Order(), action.InputType.Properties.Select(property => property.Name).Order());
        }
    }

    [Fact]
    public void The_props_of_a_trigger_that_deals_with_a_service_are_the_properties_of_its_input()
    {
        foreach (var trigger in PieceCatalog.All.Pieces.SelectMany(piece => piece.Triggers))
        {
            Assert.Distinct(trigger.Props.Select(prop => prop.Name));
            var kind = trigger.Describe().Kind;
            Assert.Equal(kind is "polling" or "hook", trigger.InputType is not null);
            if (trigger.InputType is not { } input)
                continue;
            // How often a service is asked the API keeps to itself.
            var own = trigger.Props.Select(prop => prop.Name).Where(name => kind != "polling" || name != PollInterval.Input);
            Assert.Equal(own.Order(), input.Properties.Select(property => property.Name).Order());
        }
    }

    [Fact]
    public void A_trigger_that_deals_with_a_service_has_a_sample_like_what_it_gives()
    {
        foreach (var piece in PieceCatalog.All.Pieces.Select(piece => piece.Describe()))
        {
            foreach (var trigger in piece.Triggers.Where(trigger => trigger.Kind is "polling" or "hook"))
            {
                var sample = trigger.Sample!.Value;
                Assert.Equal(JsonValueKind.Object, sample.ValueKind);
                Assert.NotEmpty(sample.EnumerateObject());
                Assert.Equal(trigger.Kind == "polling", trigger.Props.Any(prop => prop.Name == PollInterval.Input));
                Assert.Equal(trigger.Kind == "hook", trigger.Hook is not null);
                if (trigger.Hook is not { } hook)
                    continue;
                Assert.Equal(["event", "id", "data"], sample.EnumerateObject().Select(property => property.Name));
                Assert.Equal(hook.EventHeader is null && hook.EventField is null, sample.GetProperty("event").ValueKind == JsonValueKind.Null);
                Assert.Contains(hook.Proof, (string[])["hmac", "header"]);
                Assert.Contains(hook.Algorithm, (string[])["sha1", "sha256", "sha512"]);
                Assert.NotEmpty(hook.Header);
                Assert.Contains(hook.Encoding, (string[])["hex", "base64"]);
                Assert.Contains("{body}", hook.Signed, StringComparison.Ordinal);
                // A time that is not signed can be changed, and one that nothing holds cannot be signed.
                Assert.Equal(hook.TimestampHeader is not null, hook.Signed.Contains("{timestamp}", StringComparison.Ordinal));
                Assert.InRange(hook.ToleranceSeconds, 1, 86_400);
                if (hook.EventsInput is { } events)
                    Assert.Equal("array", trigger.Props.Single(prop => prop.Name == events).Type);
                if (hook.IdField is { } id)
                    Assert.Equal(sample.GetProperty("id").GetString(), sample.GetProperty("data").GetProperty(id).ToString());
                Assert.Contains(hook.Handshake, (string?[])[null, "slack"]);
                if (hook.SecretField is { } secret)
                    Assert.Equal("secret", piece.Auth!.Fields.Single(field => field.Name == secret).Control);
                foreach (var condition in hook.Conditions ?? [])
                {
                    Assert.Single((object?[])[condition.Input, condition.Values, condition.Unless], part => part is not null);
                    if ((condition.Input ?? condition.Unless) is { } asked)
                        Assert.Equal(condition.Unless is null ? "string" : "boolean", trigger.Props.Single(prop => prop.Name == asked).Type);
                }
                // Somebody has to be asked to register it.
                Assert.NotNull(piece.Auth);
            }
        }
    }

    [Fact]
    public void Options_that_props_name_exist_and_those_that_exist_are_named()
    {
        foreach (var piece in PieceCatalog.All.Pieces)
        {
            var described = piece.Describe();
            var named = described.Actions.SelectMany(action => action.Props).Concat(described.Triggers.SelectMany(trigger => trigger.Props)).Select(prop => prop.Source).OfType<string>();
            Assert.Equal(named.Distinct().Order(StringComparer.Ordinal), piece.Sources.Select(source => source.Name).Order(StringComparer.Ordinal));
            Assert.All(piece.Sources, source => Assert.Matches(LowerSnake(), source.Name));
        }
    }

    [Fact]
    public void Only_a_piece_with_connections_tests_them() =>
        Assert.All(PieceCatalog.All.Pieces.Where(piece => piece.CanTest), piece => Assert.NotNull(piece.Auth));

    [Fact]
    public void Every_action_is_found_by_its_name()
    {
        foreach (var piece in PieceCatalog.All.Pieces)
            Assert.All(piece.Actions, action => Assert.Equal(action.Name, PieceCatalog.All.FindAction(piece.Name, action.Name)?.Name));
        Assert.Null(PieceCatalog.All.FindAction("http", "nothing"));
    }

    private static IEnumerable<(string Owner, PropDescription Prop)> AllProps() =>
        from piece in PieceCatalog.All.Pieces.Select(piece => piece.Describe())
        from props in piece.Actions.Select(action => (Owner: $"{piece.Name}.{action.Name}", action.Props))
            .Concat(piece.Triggers.Select(trigger => (Owner: $"{piece.Name}.{trigger.Name}", trigger.Props)))
        from prop in props.Props
        select (props.Owner, prop);

    [GeneratedRegex("^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
    private static partial Regex LowerSnake();

    [GeneratedRegex("^[a-z][a-zA-Z0-9]*$")]
    private static partial Regex CamelCase();
}
