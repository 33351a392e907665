import { useQuery } from "@tanstack/react-query";
import { addressOf, get, type Schemas } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { Failure } from "../ui/ui";

export function OperatePage() {
  const queue = useQuery({ queryKey: ["queue"], queryFn: () => get<Schemas["QueueView"]>("api/v1/system/queue"), refetchInterval: 2000 });
  const workers = useQuery({ queryKey: ["workers"], queryFn: () => get<Schemas["WorkerList"]>("api/v1/system/workers"), refetchInterval: 2000 });
  const figures = queue.data && [
    { label: text.operate.waiting, value: queue.data.depth },
    { label: text.operate.oldest, value: `${Number(queue.data.oldestWaitSeconds).toFixed(1)} s` },
    { label: text.operate.active, value: queue.data.active },
    { label: text.operate.delayed, value: queue.data.delayed },
    { label: text.operate.dead, value: queue.data.dead },
  ];
  return (
    <main className="page">
      <header className="page-head">
        <h1>{text.operate.title}</h1>
        <a className="button plain" href={addressOf("admin/queues")}>
          {text.operate.queuePage}
        </a>
      </header>
      {(queue.error ?? workers.error) && <Failure error={queue.error ?? workers.error} />}
      <dl className="figures">
        {figures?.map((figure) => (
          <div key={figure.label}>
            <dt>{figure.label}</dt>
            <dd>{figure.value}</dd>
          </div>
        ))}
      </dl>
      <h2>{text.operate.workers}</h2>
      <table className="table">
        <thead>
          <tr>
            <th>{text.operate.workers}</th>
            <th>{text.operate.load}</th>
            <th>{text.operate.engines}</th>
            <th>{text.operate.mode}</th>
            <th>{text.runs.started}</th>
          </tr>
        </thead>
        <tbody>
          {workers.data?.items.map((worker) => (
            <tr key={worker.id}>
              <td>
                <span className={worker.alive ? "badge good" : "badge bad"}>{worker.alive ? text.operate.alive : text.operate.gone}</span> {worker.host} · {worker.processId} · {worker.version}
              </td>
              <td>
                <meter min={0} max={Number(worker.concurrency)} value={Number(worker.running)} aria-label={`${worker.running} of ${worker.concurrency}`} /> {worker.running} / {worker.concurrency}
              </td>
              <td>{worker.engines}</td>
              <td>{worker.executionMode}</td>
              <td className="quiet">{when(worker.startedAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </main>
  );
}
