using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine.Pieces;

/// <summary>One action of the catalogue, done as a step does it, without a flow around it.</summary>
internal static class DoneAction
{
    /// <param name="action">Piece and action: <c>text.split</c>.</param>
    /// <param name="input">The input as JSON.</param>
    public static async Task<RawJson> OfAsync(string action, string input, TimeProvider? clock = null, string key = "run:step")
    {
        var names = action.Split('.');
        var found = PieceCatalog.All.FindAction(names[0], names[1]);
        Assert.True(found is not null, $"There is no action {action}.");
        using var http = new OutboundHttp(new GuardedNetwork(new NetworkSettings(NetworkPolicy.Unrestricted)));
        var call = found.Prepare(ActionInput.Bind(found.Props, Value.FromJson(RawJson.Parse(input))));
        Assert.Equal(StepEffect.Pure, call.Effect);
        var context = new PieceContext(Guid.Empty, Guid.Empty, key, null, http, clock ?? TimeProvider.System, EngineLimits.Default.OutputBytes);
        return await call.RunAsync(context, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
    }

    /// <summary>The output is the same JSON, whatever its white space.</summary>
    public static async Task GivesAsync(string action, string input, string output)
    {
        var found = await OfAsync(action, input);
        using var expected = JsonDocument.Parse(output);
        Assert.True(JsonElement.DeepEquals(expected.RootElement, found.ToElement()), $"{action} {input}\nexpected {output}\nfound    {found}");
    }

    /// <summary>It fails for the reason given, and not with a fault of ours.</summary>
    public static async Task RefusesAsync(string action, string input, string message)
    {
        var error = await Assert.ThrowsAsync<PieceException>(() => OfAsync(action, input));
        Assert.False(error.IsTransient);
        Assert.Equal(message, error.Message);
    }
}
