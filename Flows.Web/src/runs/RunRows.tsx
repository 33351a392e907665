import { Link } from "react-router";
import type { RunView } from "../api/client";
import { text } from "../text";
import { between, duration, when } from "../ui/format";
import { isFinal, StatusBadge } from "./status";

/** The runs, one a line, to open, and to pick for what is done to many. */
export function RunRows({ runs, nameOf, picked, onPick, onTag }: {
  runs: RunView[];
  nameOf: Map<string, string>;
  picked: ReadonlySet<string>;
  onPick: (picked: ReadonlySet<string>) => void;
  onTag: (tag: string) => void;
}) {
  const toggle = (id: string) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    onPick(next);
  };
  const areAll = runs.every((run) => picked.has(run.id));
  return (
    <table className="table">
      <thead>
        <tr>
          <th>
            <input type="checkbox" aria-label={text.list.pickAll} checked={areAll} onChange={() => onPick(areAll ? new Set() : new Set(runs.map((run) => run.id)))} />
          </th>
          <th>{text.runs.status}</th>
          <th>{text.runs.flow}</th>
          <th>{text.runs.started}</th>
          <th>{text.runs.took}</th>
          <th>{text.runs.error}</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <tr key={run.id}>
            <td>
              <input type="checkbox" aria-label={text.list.pickRun(run.id)} checked={picked.has(run.id)} onChange={() => toggle(run.id)} />
            </td>
            <td>
              <Link to={`/runs/${run.id}`}>
                <StatusBadge status={run.status} />
              </Link>
            </td>
            <td>
              <Link to={`/runs/${run.id}`}>{nameOf.get(run.flowId) ?? run.flowId}</Link> {run.environment === "Test" && <span className="badge">{text.run.test}</span>}{" "}
              {run.tags?.map((tag) => (
                <button key={tag} type="button" className="badge tag" onClick={() => onTag(tag)}>
                  {tag}
                </button>
              ))}
            </td>
            <td className="quiet">{when(run.createdAt)}</td>
            <td className="quiet">{run.startedAt ? duration(between(run.startedAt, isFinal(run.status) ? run.finishedAt : null)) : ""}</td>
            <td className="cut">{run.error && `${run.failedStep ? `${run.failedStep}: ` : ""}${run.error.message}`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
