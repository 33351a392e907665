namespace Flows.Contracts.Expressions;

/// <summary>What an expression asks its surroundings for.</summary>
/// <param name="Names">Every use of a name that is no arrow parameter, in the order they are written.</param>
/// <param name="Calls">Every call of a function.</param>
/// <param name="Members">Every <c>name.property</c> or <c>name['property']</c> directly on such a name: <c>connections.crm</c>.</param>
public sealed record References(IReadOnlyList<Name> Names, IReadOnlyList<Call> Calls, IReadOnlyList<(Name Name, string Property)> Members)
{
    public static References Of(Expression expression)
    {
        var (names, calls, members) = (new List<Name>(), new List<Call>(), new List<(Name, string)>());
        Walk(expression, []);
        return new References(names, calls, members);

        void Walk(Expression part, HashSet<string> parameters)
        {
            switch (part)
            {
                case Name name when !parameters.Contains(name.Text):
                    names.Add(name);
                    break;
                case Member { Target: Name target, Property: var property } when !parameters.Contains(target.Text):
                    members.Add((target, property));
                    break;
                case Element { Target: Name target, Key: TextLiteral key } when !parameters.Contains(target.Text):
                    members.Add((target, key.Value));
                    break;
                case Call call:
                    calls.Add(call);
                    break;
                case Arrow arrow:
                    parameters = [.. parameters, .. arrow.Parameters.SelectMany(parameter => parameter.Names)];
                    break;
            }
            foreach (var child in part.Children)
                Walk(child, parameters);
        }
    }
}
