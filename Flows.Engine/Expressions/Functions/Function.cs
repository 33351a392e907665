using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

internal delegate Value FunctionBody(FunctionCall call);

/// <summary>One function of the library. Its signature is the source of its name and of how many arguments it takes.</summary>
/// <param name="help">One sentence for the documentation and the editor.</param>
/// <param name="aliases">Other names for it, mostly JavaScript's.</param>
internal sealed class Function(string signature, string help, FunctionBody body, params IReadOnlyList<string> aliases)
{
    public FunctionSignature Signature { get; } = FunctionSignature.Parse(signature);
    public string Name => Signature.Name;
    public string Help { get; } = help;
    public FunctionBody Body { get; } = body;
    public IReadOnlyList<string> Aliases { get; } = aliases;
    /// <summary>The heading it stands under.</summary>
    public string Group { get; private set; } = "";

    /// <summary>Sets the heading; done once, by the table.</summary>
    public Function In(string group)
    {
        Group = group;
        return this;
    }
}
