import { useQuery } from "@tanstack/react-query";
import { get, type Schemas } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { Empty, Failure } from "../ui/ui";

/** Depth and age of the queue, its last hour, and the workers that take from it. */
export function QueuePanel() {
  const queue = useQuery({ queryKey: ["queue"], queryFn: () => get<Schemas["QueueView"]>("api/v1/system/queue"), refetchInterval: 2000 });
  const figures = queue.data && [
    { label: text.operate.waiting, value: queue.data.depth },
    { label: text.operate.oldest, value: `${Number(queue.data.oldestWaitSeconds).toFixed(1)} s` },
    { label: text.operate.active, value: queue.data.active },
    { label: text.operate.delayed, value: queue.data.delayed },
    { label: text.ops.paused, value: queue.data.paused },
    { label: text.operate.dead, value: queue.data.dead },
  ];
  return (
    <>
      {queue.error && <Failure error={queue.error} />}
      <dl className="figures">
        {figures?.map((figure) => (
          <div key={figure.label}>
            <dt>{figure.label}</dt>
            <dd>{figure.value}</dd>
          </div>
        ))}
      </dl>
      {queue.data && Object.values(queue.data.waiting).some((count) => Number(count) > 0) && (
        <p className="quiet">
          {text.ops.byPriority}: {Object.entries(queue.data.waiting).map(([priority, count]) => `${priority} ${count}`).join(" · ")}
        </p>
      )}
      {queue.data && queue.data.minutes.length > 0 && <LastHour minutes={queue.data.minutes} />}
      <Workers />
    </>
  );
}

const minuteMs = 60_000;

function LastHour({ minutes }: { minutes: Schemas["QueueRate"][] }) {
  const now = Math.floor(Date.now() / minuteMs) * minuteMs;
  const byMinute = new Map(minutes.map((minute) => [Math.floor(new Date(minute.from).getTime() / minuteMs) * minuteMs, minute]));
  const columns = Array.from({ length: 60 }, (_, index) => byMinute.get(now - (59 - index) * minuteMs));
  const most = Math.max(1, ...columns.map((column) => Number(column?.finished ?? 0) + Number(column?.failed ?? 0)));
  return (
    <figure className="chart-figure">
      <div className="chart" role="img" aria-label={text.ops.lastHour}>
        {columns.map((column, index) => (
          <span key={index} className="chart-column" title={column && `${when(column.from)}: ${text.ops.rate(Number(column.enqueued), Number(column.finished), Number(column.failed))}`}>
            {column && Number(column.failed) > 0 && <i className="bad" style={{ height: `${(Number(column.failed) / most) * 100}%` }} />}
            {column && Number(column.finished) > 0 && <i className="good" style={{ height: `${(Number(column.finished) / most) * 100}%` }} />}
          </span>
        ))}
      </div>
      <figcaption className="quiet">{text.ops.lastHour}</figcaption>
    </figure>
  );
}

function Workers() {
  const workers = useQuery({ queryKey: ["workers"], queryFn: () => get<Schemas["WorkerList"]>("api/v1/system/workers"), refetchInterval: 2000 });
  return (
    <section>
      <h2>{text.operate.workers}</h2>
      {workers.error && <Failure error={workers.error} />}
      {workers.data?.items.length === 0 && <Empty title={text.ops.noWorkers}>{text.ops.noWorkersHelp}</Empty>}
      {(workers.data?.items.length ?? 0) > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th>{text.operate.workers}</th>
              <th>{text.operate.load}</th>
              <th>{text.operate.engines}</th>
              <th>{text.operate.mode}</th>
              <th>{text.ops.network}</th>
              <th>{text.runs.started}</th>
              <th>{text.ops.seen}</th>
            </tr>
          </thead>
          <tbody>
            {workers.data?.items.map((worker) => (
              <tr key={worker.id}>
                <td>
                  <span className={worker.alive ? "badge good" : "badge bad"}>{worker.alive ? text.operate.alive : text.operate.gone}</span> {worker.host} · {worker.processId} · <span title={worker.version}>{worker.version.split("+")[0]}</span>
                </td>
                <td>
                  <meter min={0} max={Number(worker.concurrency)} value={Number(worker.running)} aria-label={text.ops.running(Number(worker.running), Number(worker.concurrency))} /> {worker.running} / {worker.concurrency}
                </td>
                <td>{worker.engines}</td>
                <td>
                  {worker.executionMode}
                  <small className="quiet reason">{worker.modeReason}</small>
                </td>
                <td>
                  {worker.networkMode}
                  <small className="quiet reason">{worker.networkReason}</small>
                </td>
                <td className="quiet">{when(worker.startedAt)}</td>
                <td className="quiet">{when(worker.seenAt)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
