namespace Flows.Bench.Simulation;

/// <summary>What a run takes of each part, in ms of processor; measured by <c>./flows bench sizing</c>, see docs/scaling.md.</summary>
/// <param name="Worker">Of a worker and its engine.</param>
internal sealed record RunCost(double Api, double Worker, double Postgres, double Redis);

/// <param name="RunsPerSecond">Offered, at random moments (Poisson).</param>
/// <param name="OutsideMs">What a run waits for other services on average, holding its slot and no processor.</param>
/// <param name="WorkerCores">Of all workers together, as those of the APIs are.</param>
/// <param name="PostgresCores">Of each database.</param>
/// <param name="SyncMs">One write of the log to the disk; whatever waits meanwhile shares the next one.</param>
/// <param name="Databases">Installations, each with its projects.</param>
internal sealed record Topology(
    string Name, double RunsPerSecond, double OutsideMs, int ApiCores, int Slots, int WorkerCores, int PostgresCores, double SyncMs, int Databases = 1, int RedisShards = 1);

/// <param name="DonePerSecond">In the second half of the time.</param>
/// <param name="Busy">Share of its time that each part is busy, then.</param>
/// <param name="LeftOver">Runs that were accepted and not over at the end.</param>
internal sealed record ScaledOutcome(double DonePerSecond, double AcceptP99, double WaitP50, double WaitP99, IReadOnlyDictionary<string, double> Busy, int LeftOver);

/// <summary>
/// The way of runs through the parts of Flows, as a network of queues: each part has so many servers and a line before them, times are random around their means
/// (exponential). Accept: API, Postgres, the log on disk. Bell: Redis. Then a slot, held for the claim (API and Postgres, whose commit waits for no disk), the worker's time and that of
/// others, and the report (API, Postgres, the log). What it leaves out: locks, garbage collection, the network, and that a busy machine does everything more slowly.
/// </summary>
internal sealed class ScaledSystem
{
    private enum Stage { AcceptApi, AcceptRow, AcceptLog, Bell, Slot, Claim, Work, Outside, ReportApi, ReportRow, ReportLog, Over }

    private sealed class Station(int servers)
    {
        public Queue<int> Line { get; } = new();
        public int Servers { get; } = servers;
        public int Free { get; set; } = servers;
        public double BusyMs { get; set; }
        /// <summary>Of a log: when the write under way began.</summary>
        public double Began { get; set; }
    }

    private readonly Topology _topology;
    private readonly RunCost _cost;
    private readonly double _endMs;
    private readonly PriorityQueue<(int Run, Stage Stage), double> _events = new();
    private readonly Station _api, _work, _slots;
    private readonly Station[] _redis, _rows, _logs;
    private readonly double[] _arrived, _accepted, _claimed, _since;
    private readonly Stage[] _stage;
    private Dice _dice;
    private double _now;
    private int _done, _over;

    private ScaledSystem(Topology topology, RunCost cost, double seconds, ulong seed)
    {
        (_topology, _cost, _endMs, _dice) = (topology, cost, seconds * 1000, new Dice(seed));
        (_api, _work, _slots) = (new Station(topology.ApiCores), new Station(topology.WorkerCores), new Station(topology.Slots));
        Station[] Several(int count, int servers) => [.. Enumerable.Range(0, count).Select(_ => new Station(servers))];
        (_redis, _rows, _logs) = (Several(topology.RedisShards, 1), Several(topology.Databases, topology.PostgresCores), Several(topology.Databases, 1));
        var moments = new List<double>();
        for (var at = Random(1000 / topology.RunsPerSecond); at < _endMs; at += Random(1000 / topology.RunsPerSecond))
            moments.Add(at);
        _arrived = [.. moments];
        (_accepted, _claimed, _since, _stage) = (new double[_arrived.Length], new double[_arrived.Length], new double[_arrived.Length], new Stage[_arrived.Length]);
        Array.Fill(_accepted, double.NaN);
        Array.Fill(_claimed, double.NaN);
    }

    public static ScaledOutcome Run(Topology topology, RunCost cost, double seconds, ulong seed) => new ScaledSystem(topology, cost, seconds, seed).Run();

    private double HalfMs => _endMs / 2;

    private ScaledOutcome Run()
    {
        for (var run = 0; run < _arrived.Length; run++)
            _events.Enqueue((run, Stage.AcceptApi), _arrived[run]);
        while (_events.TryDequeue(out var next, out var at) && at < _endMs)
        {
            _now = at;
            if (next.Run < 0)
                LogWritten(-1 - next.Run);
            else if (next.Stage == _stage[next.Run])
                Arrive(next.Run);
            else
                Leave(next.Run);
        }
        double At(double[] from, double[] to, double quantile)
        {
            var times = Enumerable.Range(0, from.Length).Where(run => from[run] > HalfMs && !double.IsNaN(to[run])).Select(run => to[run] - from[run]).Order().ToList();
            return times.Count == 0 ? double.PositiveInfinity : times[(int)(times.Count * quantile)];
        }
        double Busy(params Station[] stations) => stations.Max(station => station.BusyMs / HalfMs / station.Servers);
        return new ScaledOutcome(_done / (HalfMs / 1000), At(_arrived, _accepted, 0.99), At(_accepted, _claimed, 0.5), At(_accepted, _claimed, 0.99), new Dictionary<string, double>
        {
            ["API"] = Busy(_api),
            ["slots"] = Busy(_slots),
            ["worker cores"] = Busy(_work),
            ["Postgres cores"] = Busy(_rows),
            ["disk of Postgres"] = Busy(_logs),
            ["Redis"] = Busy(_redis),
        }, _accepted.Count(at => !double.IsNaN(at)) - _over);
    }

    /// <summary>The run comes to its stage: it is served, or stands in line.</summary>
    private void Arrive(int run)
    {
        if (_stage[run] == Stage.Outside)
        {
            LeaveAfter(run, Random(_topology.OutsideMs));
            return;
        }
        var station = StationOf(run);
        if (station.Free == 0)
        {
            station.Line.Enqueue(run);
            return;
        }
        station.Free--;
        Serve(run, station);
    }

    private void Serve(int run, Station station)
    {
        switch (_stage[run])
        {
            case Stage.AcceptLog or Stage.ReportLog:
                // Whoever comes while the disk writes shares the next write.
                station.Line.Enqueue(run);
                WriteLog(run);
                break;
            case Stage.Slot:
                _claimed[run] = _now;
                GoOn(run); // and the slot is kept
                break;
            default:
                var took = Random(_stage[run] switch
                {
                    Stage.AcceptApi or Stage.ReportApi => _cost.Api / 2,
                    Stage.AcceptRow or Stage.Claim or Stage.ReportRow => _cost.Postgres / 3,
                    Stage.Bell => _cost.Redis,
                    _ => _cost.Worker,
                });
                AddBusy(station, took);
                LeaveAfter(run, took);
                break;
        }
    }

    /// <summary>The run has been served: the next in line takes its place.</summary>
    private void Leave(int run)
    {
        if (_stage[run] != Stage.Outside)
            GiveBack(StationOf(run));
        GoOn(run);
    }

    private void GiveBack(Station station)
    {
        if (station.Line.TryDequeue(out var next))
            Serve(next, station);
        else
            station.Free++;
    }

    private void WriteLog(int run)
    {
        var log = _logs[run % _logs.Length];
        log.Began = _now;
        AddBusy(log, _topology.SyncMs);
        _events.Enqueue((-1 - (run % _logs.Length), default), _now + _topology.SyncMs);
    }

    private void LogWritten(int database)
    {
        var log = _logs[database];
        // Those that stood in line when the write began are written; the rest came during it.
        var written = log.Line.Where(run => _since[run] <= log.Began).ToList();
        var left = log.Line.Where(run => _since[run] > log.Began).ToList();
        log.Line.Clear();
        left.ForEach(log.Line.Enqueue);
        if (left.Count > 0)
            WriteLog(left[0]);
        else
            log.Free++;
        written.ForEach(GoOn);
    }

    private void GoOn(int run)
    {
        if (_stage[run] == Stage.AcceptLog)
            _accepted[run] = _now;
        _stage[run]++;
        if (_stage[run] == Stage.Over)
        {
            _over++;
            if (_now > HalfMs)
                _done++;
            AddBusy(_slots, _now - Math.Max(_claimed[run], HalfMs));
            GiveBack(_slots);
            return;
        }
        _since[run] = _now;
        Arrive(run);
    }

    private void LeaveAfter(int run, double ms) => _events.Enqueue((run, (Stage)(-1)), _now + ms);

    private void AddBusy(Station station, double ms)
    {
        if (_now > HalfMs)
            station.BusyMs += Math.Min(ms, _endMs - HalfMs);
    }

    private Station StationOf(int run) => _stage[run] switch
    {
        Stage.AcceptApi or Stage.ReportApi => _api,
        Stage.AcceptRow or Stage.Claim or Stage.ReportRow => _rows[run % _rows.Length],
        Stage.AcceptLog or Stage.ReportLog => _logs[run % _logs.Length],
        Stage.Bell => _redis[run % _redis.Length],
        Stage.Slot => _slots,
        _ => _work,
    };

    private double Random(double mean) => -Math.Log((_dice.Next(1 << 30) + 1) / (double)(1 << 30)) * mean;
}
