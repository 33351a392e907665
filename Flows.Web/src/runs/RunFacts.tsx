import { Link } from "react-router";
import type { RunView } from "../api/client";
import { text } from "../text";
import { between, duration, when } from "../ui/format";
import { isFinal } from "./status";

/** Who holds the run, until when, and which runs it belongs to. */
export function RunFacts({ run }: { run: RunView }) {
  const facts: [string, React.ReactNode][] = [
    [text.run.queuedFor, duration(between(run.createdAt, run.startedAt))],
    [text.runs.worker, run.worker && <code title={run.worker}>{run.worker.length > 24 ? `${run.worker.slice(0, 23)}…` : run.worker}</code>],
    [text.run.lease, !isFinal(run.status) && run.leaseUntil && when(run.leaseUntil)],
    [text.run.calledBy, run.calledBy && <Link to={`/runs/${run.calledBy.runId}${run.calledBy.path ? `?step=${encodeURIComponent(run.calledBy.path.split(".").pop() as string)}` : ""}`}>{run.calledBy.path ?? run.calledBy.runId}</Link>],
    [text.run.retriedFrom, run.retriedFrom && <Link to={`/runs/${run.retriedFrom}`}>{text.run.thatRun}</Link>],
    [text.run.tags, run.tags && run.tags.map((tag) => <Link key={tag} className="badge" to={`/runs?tag=${encodeURIComponent(tag)}`}>{tag}</Link>)],
  ];
  return (
    <dl className="facts">
      {facts.map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
