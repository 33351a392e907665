using Flows.Contracts.Expressions;

namespace Flows.Contracts.Definitions;

/// <summary>Collects what is wrong. After <see cref="Most"/> problems the rest is left out: nobody reads on, and a hostile document must not fill memory.</summary>
internal sealed class ProblemList
{
    public const int Most = 500;

    private readonly List<DefinitionProblem> _problems = [];

    public IReadOnlyList<DefinitionProblem> All => _problems;
    public bool HasErrors { get; private set; }

    /// <summary>True when nothing that is found from here on changes anything: it would be left out, and there is an error already.</summary>
    public bool IsSettled => HasErrors && _problems.Count >= Most;

    public void Error(string path, string message)
    {
        HasErrors = true;
        Add(new DefinitionProblem(path, message));
    }

    public void Warning(string path, string message) => Add(new DefinitionProblem(path, message, ProblemSeverity.Warning));

    /// <summary>"… is not a kind of step. Did you mean 'loop'? There are: …"</summary>
    public void Unknown(string path, string message, string found, IReadOnlyCollection<string> known)
    {
        HasErrors = true;
        if (IsSettled)
            return; // looking for a near name takes its time
        var question = NearestName.Question(found, known);
        var list = question.Length == 0 && known.Count is > 0 and <= 20 ? $" There {(known.Count == 1 ? "is" : "are")}: {string.Join(", ", known)}." : "";
        Error(path, message + question + list);
    }

    private void Add(DefinitionProblem problem)
    {
        if (_problems.Count < Most)
            _problems.Add(problem);
    }
}
