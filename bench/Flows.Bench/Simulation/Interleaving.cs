using Flows.Contracts.Runs;

namespace Flows.Bench.Simulation;

internal enum StepKind { Pure, Idempotent, Effect, Pause }

/// <summary>
/// One run of a few steps, three workers, two API replicas whose clocks differ, and everything that can go wrong between them, in an order that
/// the seed decides. First chaos, then calm in which the run must come to its end. After every event the promises are looked at.
/// </summary>
internal sealed class Interleaving(Fault faults)
{
    private const int Workers = 3;
    private const int MostMessages = 16;
    private const long Lease = 8_000;
    private const long RingAgainAfter = 10_000;
    private const int CalmRounds = 400;

    private readonly SimulatedStore _store = new(faults) { Lease = Lease, RingAgainAfter = RingAgainAfter, MaxAttempts = 3 };
    private readonly SimulatedWorker[] _workers = new SimulatedWorker[Workers];
    private readonly List<Message> _messages = new(MostMessages);
    private readonly StepKind[] _flow = new StepKind[SimulatedStore.MostSteps];
    private readonly int[] _done = new int[SimulatedStore.MostSteps];
    private readonly int[] _allowed = new int[SimulatedStore.MostSteps];
    private readonly List<int> _owners = [];
    private Dice _dice;
    private long _now;
    private int _steps;
    private int _nextId;
    private int _nextCall;
    private bool _bell;
    private int _retries;
    private bool _isCalm;
    private string? _violation;

    /// <summary>Events of the last interleaving.</summary>
    public int Events { get; private set; }
    public SimulatedStore Store => _store;

    /// <returns>What was violated, or null.</returns>
    public string? Run(ulong seed)
    {
        Begin(seed);
        for (var chaos = _dice.Next(90) + 10; chaos > 0 && _violation is null; chaos--)
            Chaos();
        Calm();
        for (var round = 0; _violation is null && !RunTransitions.IsFinal(_store.Status); round++)
        {
            CalmRound();
            if (round == CalmRounds)
                Violate($"no way out: still {_store.Status} after {CalmRounds} calm seconds");
        }
        if (_violation is null && _store.Status == RunStatus.Succeeded)
            CheckTheEnd();
        return _violation;
    }

    private void Begin(ulong seed)
    {
        _dice = new Dice(seed);
        (_now, _nextId, _nextCall, _bell, _retries, _isCalm, _violation, Events) = (0, 0, 0, true, 0, false, null, 0);
        _steps = _dice.Next(5) + 2;
        for (var i = 0; i < _steps; i++)
            _flow[i] = (StepKind)_dice.Next(4);
        Array.Clear(_done);
        Array.Fill(_allowed, 1);
        _owners.Clear();
        _messages.Clear();
        for (var i = 0; i < Workers; i++)
            _workers[i] = new SimulatedWorker { Id = ++_nextId };
        _store.Accept(_now);
    }

    private void Chaos()
    {
        Events++;
        var w = _dice.Next(Workers);
        switch (_dice.Next(24))
        {
            case 0 or 1 or 2 or 3 or 4 or 5: Work(w); break;
            case 6 or 7 or 8 or 9 or 10: Deliver(); break;
            case 11: Lose(); break;
            case 12: Repeat(); break;
            case 13 or 14: _now += _dice.Next(4_000); break;
            case 15: Sweep(); break;
            case 16: Beat(w); break;
            case 17: Kill(w); break;
            case 18: Freeze(w); break;
            case 19: _bell = false; break; // FLUSHALL
            case 20: CrashEngine(w); break;
            case 21: HandBack(w); break;
            case 22: Person(); break;
            default: LetGo(w); break;
        }
    }

    // --- the worker and its engine ------------------------------------------------------------------------------------

    private void Work(int w)
    {
        ref var worker = ref _workers[w];
        if (worker.Mode != WorkerMode.Alive)
            return;
        if (worker.Attempt == 0)
        {
            if (_bell && worker.AskedFor == 0)
            {
                _bell = false;
                worker.AskedFor = ++_nextCall;
                Send(new Message(MessageKind.Claim, worker.Id, worker.AskedFor, 0, false, default, null, false, _now));
            }
            return;
        }
        if (worker.Outcome is null && !worker.IsBarrierUp)
            Walk(ref worker);
        if (worker.Reporting == 0 && (worker.IsBarrierUp || worker.Outcome is not null || (worker.Pending.Statuses != 0 && _dice.Next(3) == 0)))
            Report(ref worker);
    }

    private void Walk(ref SimulatedWorker worker)
    {
        while (worker.Step < _steps && worker.Journal.StatusOf(worker.Step) is { } status && !SimulatedStore.IsUnfinished(status))
            worker.Step++;
        if (worker.Step == _steps)
        {
            worker.Outcome = RunStatus.Succeeded;
            return;
        }
        var step = worker.Step;
        var value = (byte)worker.Attempt;
        var line = worker.Journal.StatusOf(step);
        switch (_flow[step])
        {
            case StepKind.Pause when line is null:
                Write(ref worker, step, StepStatus.Paused, value);
                worker.Outcome = RunStatus.Paused;
                return;
            case StepKind.Effect when line == StepStatus.Running && worker.Journal.ValueOf(step) != value && !faults.HasFlag(Fault.UncertainIsRepeated):
                worker.Outcome = RunStatus.NeedsDecision;
                return;
            case StepKind.Effect or StepKind.Idempotent when line is null || worker.Journal.ValueOf(step) != value:
                // The intent carries the attempt: the engine's own one is no reason to ask.
                Write(ref worker, step, StepStatus.Running, value);
                worker.IsBarrierUp = !faults.HasFlag(Fault.IntentIsNotAwaited);
                return;
        }
        _done[step]++;
        if (_flow[step] == StepKind.Effect && _done[step] > _allowed[step])
            Violate($"effect {step} was done {_done[step]} times and {_allowed[step]} were allowed");
        Write(ref worker, step, StepStatus.Succeeded, value);
        worker.Step++;
    }

    private static void Write(ref SimulatedWorker worker, int step, StepStatus status, byte value)
    {
        worker.Journal = worker.Journal.With(step, status, value);
        worker.Pending = worker.Pending.With(step, status, value);
    }

    private void Report(ref SimulatedWorker worker)
    {
        worker.Reporting = ++_nextCall;
        worker.Report = new Message(MessageKind.Report, worker.Id, worker.Reporting, worker.Attempt, false, worker.Pending, worker.Outcome, worker.HasCrashed, _now);
        worker.Pending = default;
        Send(worker.Report);
    }

    private void Beat(int w)
    {
        if (_workers[w] is { Mode: WorkerMode.Alive, Attempt: > 0 } worker)
            Send(new Message(MessageKind.Heartbeat, worker.Id, 0, worker.Attempt, false, default, null, false, _now));
    }

    // Its own watch over the lease. It may come late: a worker that is slow to notice must do no harm.
    private void LetGo(int w)
    {
        if (_workers[w] is { Mode: WorkerMode.Alive, Attempt: > 0 } worker && worker.LeaseUntil <= _now)
            _workers[w].Drop();
    }

    private void CrashEngine(int w)
    {
        ref var worker = ref _workers[w];
        if (worker is { Mode: WorkerMode.Alive, Attempt: > 0, Outcome: null })
            (worker.Outcome, worker.HasCrashed, worker.IsBarrierUp) = (RunStatus.Queued, true, false);
    }

    private void HandBack(int w)
    {
        ref var worker = ref _workers[w];
        if (worker is { Mode: WorkerMode.Alive, Attempt: > 0, Outcome: null })
            (worker.Outcome, worker.IsBarrierUp) = (RunStatus.Queued, false);
    }

    private void Kill(int w) => _workers[w] = new SimulatedWorker { Id = ++_nextId };

    private void Freeze(int w) =>
        _workers[w].Mode = _workers[w].Mode == WorkerMode.Alive ? WorkerMode.Frozen : WorkerMode.Alive;

    // --- the network -----------------------------------------------------------------------------------------------------

    private void Send(Message message)
    {
        if (_messages.Count == MostMessages)
            _messages.RemoveAt(_dice.Next(MostMessages)); // lost
        _messages.Add(message);
    }

    private void Deliver()
    {
        if (_messages.Count == 0)
            return;
        var at = _dice.Next(_messages.Count);
        var message = _messages[at];
        _messages.RemoveAt(at);
        switch (message.Kind)
        {
            case MessageKind.Claim: TakeClaim(message); break;
            case MessageKind.Report: TakeReport(message); break;
            case MessageKind.Heartbeat:
                Send(message with { Kind = MessageKind.HeartbeatAnswer, IsYes = _store.TryRenew(message.Worker, message.Attempt, ClockOfAReplica()) });
                break;
            default: Answer(message); break;
        }
    }

    private void Lose()
    {
        if (_messages.Count > 0)
            _messages.RemoveAt(_dice.Next(_messages.Count));
    }

    // The caller has waited long enough and asks again; the first call may still be on its way. Or the network has it twice.
    private void Repeat()
    {
        ref var worker = ref _workers[_dice.Next(Workers)];
        if (worker.Mode != WorkerMode.Alive)
            return;
        if (worker.Reporting != 0)
            Send(worker.Report);
        else if (worker is { AskedFor: > 0, Attempt: 0 })
        {
            // It gives the job back, and asks another time with another call.
            worker.AskedFor = 0;
            _bell = true;
        }
    }

    private void TakeClaim(Message message)
    {
        var (attempt, before) = (_store.Attempt, _store.Status);
        if (_store.TryClaim(message.Worker, ClockOfAReplica()))
        {
            if (_store.Attempt <= attempt)
                Violate($"attempt {_store.Attempt} was given out again");
            if (before != RunStatus.Queued)
                Violate($"a run that was {before} was given to a worker");
            _owners.Add(message.Worker);
        }
        else
        {
            Send(message with { Kind = MessageKind.ClaimAnswer, IsYes = false });
            return;
        }
        Send(message with { Kind = MessageKind.ClaimAnswer, IsYes = true, Attempt = _store.Attempt, Lines = _store.Journal });
    }

    private void TakeReport(Message message)
    {
        var (status, attempt, journal) = (_store.Status, _store.Attempt, _store.Journal);
        var taken = _store.TryReport(message.Worker, message.Attempt, message.Lines, message.Outcome, message.HasCrashed, ClockOfAReplica());
        if (taken)
        {
            if (message.Attempt != attempt || message.Attempt != _owners.Count)
                Violate($"a report of attempt {message.Attempt} was taken after claim {_owners.Count}");
            else if (status != RunStatus.Running)
                Violate($"a report was taken while the run was {status}");
            else if (_owners[message.Attempt - 1] != message.Worker)
                Violate($"a report of worker {message.Worker} was taken for the attempt of worker {_owners[message.Attempt - 1]}");
        }
        for (var step = 0; step < _steps; step++)
        {
            if (journal.StatusOf(step) is { } old && !SimulatedStore.IsUnfinished(old)
                && (_store.Journal.StatusOf(step) != old || _store.Journal.ValueOf(step) != journal.ValueOf(step)))
            {
                Violate($"the finished line {step} has changed");
            }
        }
        if (_store.Status == RunStatus.Queued)
            _bell = true;
        Send(message with { Kind = MessageKind.ReportAnswer, IsYes = taken });
    }

    private void Answer(Message message)
    {
        var w = Array.FindIndex(_workers, worker => worker.Id == message.Worker);
        if (w < 0)
            return; // its process is gone
        ref var worker = ref _workers[w];
        if (worker.Mode != WorkerMode.Alive)
        {
            _messages.Add(message); // it lies in the socket
            return;
        }
        switch (message.Kind)
        {
            case MessageKind.ClaimAnswer when worker.AskedFor == message.Call && worker.Attempt == 0:
                worker.AskedFor = 0;
                if (message.IsYes)
                    (worker.Attempt, worker.Journal, worker.LeaseUntil) = (message.Attempt, message.Lines, message.SentAt + Lease - (Lease / 8));
                break;
            case MessageKind.ReportAnswer when worker.Reporting == message.Call:
                worker.Reporting = 0;
                if (!message.IsYes || message.Outcome is not null)
                    worker.Drop();
                else if (worker.Pending.Statuses == 0)
                    worker.IsBarrierUp = false;
                break;
            case MessageKind.HeartbeatAnswer when worker.Attempt == message.Attempt && worker.Attempt > 0:
                if (message.IsYes)
                    worker.LeaseUntil = Math.Max(worker.LeaseUntil, message.SentAt + Lease - (Lease / 8));
                else
                    worker.Drop();
                break;
        }
    }

    // --- the API's own affairs --------------------------------------------------------------------------------------

    private long ClockOfAReplica() => _isCalm ? _now : _now + _dice.Next(3) switch { 0 => -1_500, 1 => 0, _ => 1_500 };

    private void Sweep()
    {
        if (_store.TryRescue(ClockOfAReplica()) && _store.Status == RunStatus.Queued && _dice.Next(4) != 0)
            _bell = true; // else the replica dies between the commit and the bell
        if (_store.TryTakeDue(ClockOfAReplica()))
            _bell = true;
    }

    private void Person()
    {
        var before = _store.Status;
        switch (_store.Status)
        {
            case RunStatus.NeedsDecision:
                Decide();
                break;
            case RunStatus.Paused:
                _bell |= _store.TryQueueAgain(_now);
                break;
            case RunStatus.Failed or RunStatus.TimedOut or RunStatus.Cancelled when _retries < 2 && _dice.Next(2) == 0:
                _retries++;
                _bell |= _store.TryQueueAgain(_now);
                break;
            case var _ when _dice.Next(3) == 0:
                if (_store.TryCancel(_now) && RunTransitions.IsFinal(before))
                    Violate($"a run that was {before} was cancelled");
                break;
        }
    }

    private void Decide()
    {
        for (var step = 0; step < _steps; step++)
        {
            if (_flow[step] != StepKind.Effect || _store.Journal.StatusOf(step) != StepStatus.Running)
                continue;
            var happened = _dice.Next(2) == 0;
            // Who says "do it again" takes it upon themselves that a worker long given up may still do it.
            if (_store.TryDecide(step, happened, 200, _now) && !happened)
                _allowed[step]++;
            _bell |= _store.Status == RunStatus.Queued;
            return;
        }
        Violate("it waits for a decision and there is nothing to decide");
    }

    // --- calm ------------------------------------------------------------------------------------------------------------

    private void Calm()
    {
        _isCalm = true;
        for (var w = 0; w < Workers; w++)
        {
            if (_workers[w].Mode == WorkerMode.Frozen)
                Freeze(w); // it goes on where it stood, with everything it believes
        }
    }

    private void CalmRound()
    {
        Events++;
        _now += 1_000;
        Sweep();
        for (var w = 0; w < Workers; w++)
        {
            LetGo(w);
            Beat(w);
            Work(w);
            if (_workers[w].Reporting != 0 && !_messages.Exists(message => message.Worker == _workers[w].Id && message.Call == _workers[w].Reporting))
                Send(_workers[w].Report);
            else if (_workers[w] is { AskedFor: > 0, Attempt: 0 } && !_messages.Exists(message => message.Call == _workers[w].AskedFor))
                (_workers[w].AskedFor, _bell) = (0, true);
        }
        for (var messages = _messages.Count; messages > 0; messages--)
            Deliver();
        if (_store.Status is RunStatus.NeedsDecision or RunStatus.Paused)
            Person();
    }

    // What the run was for has been done, and each result is in the journal.
    private void CheckTheEnd()
    {
        for (var step = 0; step < _steps; step++)
        {
            if (_store.Journal.StatusOf(step) is not { } status || SimulatedStore.IsUnfinished(status))
                Violate($"the run succeeded and step {step} is {_store.Journal.StatusOf(step)?.ToString() ?? "not there"}");
            else if (_flow[step] != StepKind.Pause && _done[step] == 0 && _store.Journal.ValueOf(step) != 200)
                Violate($"the run succeeded and step {step} was never done");
        }
    }

    private void Violate(string what) => _violation ??= what;
}
