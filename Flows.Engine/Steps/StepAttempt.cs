using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>One try of one step: what its executor works with. Used by one executor at a time.</summary>
internal sealed class StepAttempt : IAsyncDisposable
{
    private readonly Step _step;
    private readonly bool _isFirst;
    private readonly CancellationToken _run;
    private readonly CancellationTokenSource _time;
    private EvaluationContext? _expressions;
    private ITimer? _timer;

    /// <param name="number">From 1, over all attempts of the run.</param>
    /// <param name="isFirst">True for the first try of this walk.</param>
    /// <param name="startedAt">When the first try started.</param>
    public StepAttempt(RunContext run, Step step, string path, RunState state, int number, bool isFirst, DateTimeOffset startedAt, CancellationToken cancel)
    {
        (Run, _step, Path, State, Number, _isFirst, StartedAt, _run) = (run, step, path, state, number, isFirst, startedAt, cancel);
        _time = CancellationTokenSource.CreateLinkedTokenSource(cancel);
    }

    public RunContext Run { get; }
    public string Path { get; }
    public RunState State { get; }

    /// <summary>Which try this is, from 1.</summary>
    public int Number { get; }

    /// <summary>When the first try started, in whatever attempt of the run.</summary>
    public DateTimeOffset StartedAt { get; }

    /// <summary>True when an earlier attempt of the run has met this step and left it waiting.</summary>
    public bool IsResumed => Run.Journal.Paused(Path) is not null;

    /// <summary>Cancelled when the step's time is up, and with the run.</summary>
    public CancellationToken Cancel => _time.Token;

    /// <summary>True when the step's own time is up.</summary>
    public bool IsTimedOut => _time.IsCancellationRequested && !_run.IsCancellationRequested;

    /// <summary>The same for every try of this step of this run, also after a crash.</summary>
    public string IdempotencyKey => $"{Run.Start.RunId}:{Path}";

    /// <summary>The line an earlier attempt of the run has left of this step without its end.</summary>
    public StepRecord? Intent => Run.Journal.Intent(Path);

    public StepEffect Effect { get; private set; }
    public RawJson? Input { get; private set; }

    /// <exception cref="ExpressionException"/>
    public Value Evaluate(InputTemplate template, bool withConnections = false) =>
        template.Evaluate(new RunScope(State, Run, withConnections), Expressions);

    /// <summary>The step's input: the definition's, unless a person has put another in its place for this run.</summary>
    /// <exception cref="ExpressionException"/>
    public Value InputOf(InputTemplate template, bool withConnections = false) =>
        Run.Start.Inputs is { } edited && edited.TryGetValue(Path, out var input) ? Value.FromJson(input) : Evaluate(template, withConnections);

    /// <exception cref="ExpressionException"/>
    public bool Holds(Condition condition) => condition.Evaluate(new RunScope(State, Run, withConnections: false), Expressions);

    /// <summary>Shows the input in the step's line from here on, without secrets.</summary>
    /// <exception cref="RunLimitException"/>
    public void Show(Value input)
    {
        var json = Run.Secrets.Hide(input.ToRawJson());
        Run.Meter.Log(json.Length);
        Input = json;
    }

    /// <summary>
    /// Says that the step is about to happen. For an idempotent step or an effect this returns when the intent and all before it are
    /// durable: a crash before leaves nothing done, a crash after leaves the intent, which tells that something may have been.
    /// The step's time starts here.
    /// </summary>
    /// <exception cref="DecisionNeededException">An earlier attempt may have done it, and the policy is to ask.</exception>
    /// <exception cref="StepException">The same, and the policy is to fail.</exception>
    public async ValueTask IntendAsync(StepEffect effect)
    {
        Effect = effect;
        if (_isFirst && Intent is { Effect: StepEffect.Effect } intent)
            Decide(intent);

        var line = new StepRecord(Path, _step.Name, _step.Kind, StepStatus.Running, effect, Number, StartedAt, Input: Input);
        // One barrier is enough for all tries of a walk: after the first the intent is there.
        if (effect == StepEffect.Pure || !_isFirst)
            await Run.Journal.WriteAsync(line);
        else
            await Run.Journal.BarrierAsync(line, _run);

        if (_step.Timeout is { } timeout)
            _timer = Run.Clock.CreateTimer(time => ((CancellationTokenSource)time!).Cancel(), _time, timeout, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The line of a step that waits.</summary>
    /// <param name="error">Set when it waits for its next try: why the last one failed.</param>
    public StepRecord Waiting(StepError? error, string? logs) =>
        new(Path, _step.Name, _step.Kind, StepStatus.Paused, Effect, Number, StartedAt, Input: Input, Error: error, Logs: logs);

    /// <summary>The line that ends the step.</summary>
    public StepRecord Ended(StepStatus status, TimeSpan took, RawJson? output, StepError? error, string? logs) =>
        new(Path, _step.Name, _step.Kind, status, Effect, Number, StartedAt, Math.Round(took.TotalMilliseconds, 3), Input, output, error, logs, (_step as ActionStep)?.Piece);

    /// <summary>The state in which the steps of an item or branch of this step begin.</summary>
    /// <param name="place">What follows this step's path: <c>[3].</c>, <c>:VIP.</c>.</param>
    /// <param name="contained">True when this step goes on past a failure there.</param>
    public RunState Enter(string place, bool contained = false) =>
        State.Enter(Path + place, contained || _step.OnError.Mode != OnErrorMode.Stop);

    public async ValueTask DisposeAsync()
    {
        // The timer first, and to its end: it must not cancel what is disposed of.
        if (_timer is not null)
            await _timer.DisposeAsync();
        _time.Dispose();
    }

    private EvaluationContext Expressions => _expressions ??= new EvaluationContext(Run.Clock, IdempotencyKey) { Links = (purpose, step, approver) => Run.Links.To(purpose, step, approver, State.Place) };

    private void Decide(StepRecord intent)
    {
        switch (_step.OnUncertain ?? Run.Start.OnUncertain)
        {
            case UncertainPolicy.Retry:
                break;
            case UncertainPolicy.Fail:
                throw new StepException(StepErrorCodes.Uncertain,
                    $"an earlier attempt of the run ended while this step was under way (try {intent.Attempt}, started {intent.StartedAt:u}); "
                    + $"what it does may have happened or not, and the {(_step.OnUncertain is null ? "project" : "step")}'s onUncertain says to fail.");
            default:
                throw new DecisionNeededException();
        }
    }
}
