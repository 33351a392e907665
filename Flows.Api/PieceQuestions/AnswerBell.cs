using System.Collections.Concurrent;

namespace Flows.Api.PieceQuestions;

/// <summary>Tells a question that waits in this replica that its answer has been written through it.</summary>
internal sealed class AnswerBell
{
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource> _waiting = new();

    /// <summary>Before the question is asked: an answer may come at once.</summary>
    public Listener Listen(Guid question)
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[question] = arrived;
        return new Listener(arrived.Task, () => _waiting.TryRemove(question, out _));
    }

    /// <summary>After the commit of the answer.</summary>
    public void Ring(Guid question)
    {
        if (_waiting.TryGetValue(question, out var arrived))
            arrived.TrySetResult();
    }

    public sealed class Listener(Task arrived, Action end) : IDisposable
    {
        public Task Arrived => arrived;
        public void Dispose() => end();
    }
}
