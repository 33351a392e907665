import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { get, query, type RunView, type StepView } from "../api/client";
import { text } from "../text";
import { between, duration, show, when } from "../ui/format";
import { differences } from "../ui/jsonDiff";
import { Empty, Failure } from "../ui/ui";
import { pair, type Pair } from "./pairs";
import { isFinal, StatusBadge, stepToneOf } from "./status";
import { allLines } from "./useLiveRun";

const mostChoices = 50;

/** Two runs side by side: how they ended, how long each step took, and where their values differ. */
export default function ComparePage() {
  const [search, setSearch] = useSearchParams();
  const [isAll, setAll] = useState(false);
  const left = useSide(search.get("left") ?? "");
  const right = useSide(search.get("right") ?? "");
  const flow = right.run.data?.flowId ?? left.run.data?.flowId;
  const others = useQuery({
    queryKey: ["runs", "of", flow],
    queryFn: () => get<{ items: RunView[] }>(`api/v1/runs${query({ flow, limit: mostChoices })}`),
    enabled: flow !== undefined,
  });
  const choose = (side: string, id: string) => {
    const next = new URLSearchParams(search);
    next.set(side, id);
    setSearch(next, { replace: true });
  };
  const pairs = pair(left.steps.data ?? [], right.steps.data ?? []);
  const shown = isAll ? pairs : pairs.filter((item) => item.isDifferent);
  const both = left.run.data && right.run.data;
  return (
    <main className="page wide">
      <header className="page-head">
        <h1>{text.compare.title}</h1>
        {both && (
          <label className="check">
            <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.target.checked)} /> {text.compare.all}
          </label>
        )}
      </header>
      {[left, right].map((side) => side.error && <Failure key={side.id} error={side.error} />)}
      <div className="compare-sides">
        {([["left", left], ["right", right]] as const).map(([name, side]) => (
          <section key={name} className="card tall">
            <select aria-label={text.compare[name]} value={side.id} onChange={(event) => choose(name, event.target.value)}>
              <option value="">{text.compare.choose}</option>
              {side.id && !others.data?.items.some((run) => run.id === side.id) && <option value={side.id}>{side.run.data ? label(side.run.data) : side.id}</option>}
              {others.data?.items.map((run) => (
                <option key={run.id} value={run.id}>
                  {label(run)}
                </option>
              ))}
            </select>
            {side.run.data && <Facts run={side.run.data} />}
          </section>
        ))}
      </div>
      {!both && !left.error && !right.error && <Empty title={text.compare.empty}>{text.compare.emptyHelp}</Empty>}
      {left.run.data && right.run.data && (
        <>
          <Values title={text.runs.trigger} left={left.run.data.trigger ?? undefined} right={right.run.data.trigger ?? undefined} isAll={isAll} />
          {shown.length === 0 && left.steps.isSuccess && right.steps.isSuccess && <p className="help">{text.compare.same}</p>}
          {shown.map((item) => (
            <StepPair key={item.path} pair={item} isAll={isAll} />
          ))}
          <Values title={text.runs.output} left={left.run.data.output ?? undefined} right={right.run.data.output ?? undefined} isAll={isAll} />
        </>
      )}
    </main>
  );
}

function useSide(id: string) {
  const run = useQuery({ queryKey: ["run", id], queryFn: () => get<RunView>(`api/v1/runs/${encodeURIComponent(id)}`), enabled: id !== "" });
  const steps = useQuery({ queryKey: ["run", id, "steps"], queryFn: ({ signal }) => allLines(`api/v1/runs/${encodeURIComponent(id)}/steps`, signal), enabled: run.data !== undefined });
  return { id, run, steps, error: run.error ?? steps.error };
}

const label = (run: RunView) => `${when(run.createdAt)} · ${run.status} · ${run.version ? `version ${run.version}` : "draft"} · ${run.id.slice(-6)}`;
const took = (run: RunView) => duration(between(run.startedAt, isFinal(run.status) ? run.finishedAt : null));

function Facts({ run }: { run: RunView }) {
  return (
    <p>
      <Link to={`/runs/${run.id}`}>
        <StatusBadge status={run.status} />
      </Link>{" "}
      {took(run)} · {text.runs.attempt} {run.attempt} {run.error && <span className="problem">{run.error.message}</span>}
    </p>
  );
}

function StepPair({ pair: { path, left, right }, isAll }: { pair: Pair; isAll: boolean }) {
  return (
    <section className="compare-step" aria-label={path}>
      <h2>
        <code>{path}</code>
      </h2>
      <div className="compare-sides">
        <Side line={left} />
        <Side line={right} />
      </div>
      {left && right && (
        <>
          <Values title={text.runs.input} left={left.input ?? undefined} right={right.input ?? undefined} isAll={isAll} />
          <Values title={text.runs.output} left={left.output ?? undefined} right={right.output ?? undefined} isAll={isAll} />
          {(left.largeOutput ?? right.largeOutput) && <p className="help">{text.compare.large}</p>}
        </>
      )}
    </section>
  );
}

function Side({ line }: { line: StepView | undefined }) {
  if (!line) return <p className="help">{text.compare.absent}</p>;
  return (
    <p>
      <span className={`badge ${stepToneOf(line.status)}`}>{line.status}</span> {duration(line.durationMs === null ? null : Number(line.durationMs))}
      {line.error && <span className="problem"> {line.error.message}</span>}
    </p>
  );
}

function Values({ title, left, right, isAll }: { title: string; left: unknown; right: unknown; isAll: boolean }) {
  const found = differences(left, right);
  if (found.length === 0) return isAll ? <p className="quiet">{`${title}: ${text.compare.equal}`}</p> : null;
  return (
    <section className="value" aria-label={title}>
      <h3>{title}</h3>
      <table className="table diff">
        <tbody>
          {found.map((difference) => (
            <tr key={difference.path} className={difference.kind}>
              <th scope="row">
                <code>{difference.path || "·"}</code>
              </th>
              <td>{difference.kind !== "added" && <del>{show(difference.left).slice(0, 2000)}</del>}</td>
              <td>{difference.kind !== "removed" && <ins>{show(difference.right).slice(0, 2000)}</ins>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
