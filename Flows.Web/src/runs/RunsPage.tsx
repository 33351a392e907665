import { useQueryClient } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { useMemo, useState } from "react";
import { post, query, type FlowView, type RunStatus, type RunView, type Schemas } from "../api/client";
import { text } from "../text";
import { between, duration, when } from "../ui/format";
import { useList } from "../ui/useList";
import { Button, Empty, Failure, tell, tellError } from "../ui/ui";
import { allStatuses, isFinal, StatusBadge, toneOf, wordOf } from "./status";

export function RunsPage() {
  const client = useQueryClient();
  const [search, setSearch] = useSearchParams();
  const status = search.get("status") ?? "";
  const flow = search.get("flow") ?? "";
  const q = search.get("q") ?? "";
  const tag = search.get("tag") ?? "";
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const runs = useList<RunView>(["runs", status, flow, q, tag], (cursor) => `api/v1/runs${query({ limit: 50, cursor, status, flow, q, tag })}`, 2000);
  const flows = useList<FlowView>(["flows"], (cursor) => `api/v1/flows${query({ limit: 100, cursor })}`);
  const nameOf = useMemo(() => new Map(flows.items.map((item) => [item.id, item.name])), [flows.items]);
  const filter = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    setSearch(next, { replace: true });
    setPicked(new Set());
  };
  const many = async (what: "cancel" | "retry") => {
    try {
      const result = await post<Schemas["ManyRuns"]>(`api/v1/runs/${what}`, what === "cancel" ? { ids: [...picked] } : { ids: [...picked], from: "failed", version: "same" });
      tell(`${result.done.length} done, ${result.refused.length} refused${result.refused[0] ? `: ${result.refused[0].detail}` : "."}`, result.refused.length > 0);
      setPicked(new Set());
      await client.invalidateQueries({ queryKey: ["runs"] });
    } catch (error) {
      tellError(error);
    }
  };
  const toggle = (id: string) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    setPicked(next);
  };
  return (
    <main className="page">
      <header className="page-head">
        <h1>{text.runs.title}</h1>
        <select aria-label={text.runs.status} value={status} onChange={(event) => filter("status", event.target.value)}>
          <option value="">{text.runs.any}</option>
          {allStatuses.map((item) => (
            <option key={item} value={item}>
              {wordOf(item)}
            </option>
          ))}
        </select>
        <select aria-label={text.runs.flow} value={flow} onChange={(event) => filter("flow", event.target.value)}>
          <option value="">{text.runs.anyFlow}</option>
          {flows.items.map((item) => (
            <option key={item.id} value={item.id}>
              {item.name}
            </option>
          ))}
        </select>
        <SearchField key={`q ${q}`} label={text.runs.errorHas} value={q} onSearch={(value) => filter("q", value)} />
        <SearchField key={`tag ${tag}`} label={text.runs.tag} value={tag} onSearch={(value) => filter("tag", value)} />
        {picked.size > 0 && (
          <>
            <Button onClick={() => void many("retry")}>{`${text.runs.retry} ${picked.size}`}</Button>
            <Button tone="danger" onClick={() => void many("cancel")}>{`${text.runs.cancel} ${picked.size}`}</Button>
          </>
        )}
      </header>
      <RunChart runs={runs.items} />
      {runs.error && <Failure error={runs.error} retry={() => void runs.refetch()} />}
      {runs.isSuccess && runs.items.length === 0 && <Empty title={text.runs.empty}>{text.runs.emptyHelp}</Empty>}
      {runs.items.length > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th aria-label="Pick" />
              <th>{text.runs.status}</th>
              <th>{text.runs.flow}</th>
              <th>{text.runs.started}</th>
              <th>{text.runs.took}</th>
              <th>{text.runs.error}</th>
            </tr>
          </thead>
          <tbody>
            {runs.items.map((run) => (
              <tr key={run.id}>
                <td>
                  <input type="checkbox" aria-label={`Pick run ${run.id}`} checked={picked.has(run.id)} onChange={() => toggle(run.id)} />
                </td>
                <td>
                  <Link to={`/runs/${run.id}`}>
                    <StatusBadge status={run.status} />
                  </Link>
                </td>
                <td>
                  <Link to={`/runs/${run.id}`}>{nameOf.get(run.flowId) ?? run.flowId}</Link>
                  {run.environment === "Test" && <span className="badge">test</span>}
                </td>
                <td className="quiet">{when(run.createdAt)}</td>
                <td className="quiet">{run.startedAt ? duration(between(run.startedAt, isFinal(run.status) ? run.finishedAt : null)) : ""}</td>
                <td className="cut">{run.error && `${run.failedStep ? `${run.failedStep}: ` : ""}${run.error.message}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {runs.hasNextPage && (
        <Button disabled={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
          {text.common.more}
        </Button>
      )}
    </main>
  );
}

/** Looked for when Enter is pressed or the field is left: each search reads the table of runs. */
function SearchField({ label, value, onSearch }: { label: string; value: string; onSearch: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const go = () => typed !== value && onSearch(typed.trim());
  return (
    <input
      type="search"
      className="narrow"
      aria-label={label}
      placeholder={label}
      maxLength={200}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={go}
      onKeyDown={(event) => event.key === "Enter" && go()}
    />
  );
}

/** How the runs that are listed ended, over their time. */
function RunChart({ runs }: { runs: RunView[] }) {
  const bars = 40;
  const columns = useMemo(() => {
    const times = runs.map((run) => new Date(run.createdAt).getTime());
    const first = Math.min(...times);
    const span = Math.max(1000, Math.max(...times) - first);
    const made = Array.from({ length: bars }, () => new Map<string, number>());
    for (const [index, run] of runs.entries()) {
      const column = made[Math.min(bars - 1, Math.floor((((times[index] as number) - first) / span) * bars))] as Map<string, number>;
      const tone = toneOf(run.status as RunStatus);
      column.set(tone, (column.get(tone) ?? 0) + 1);
    }
    return made;
  }, [runs]);
  if (runs.length < 2) return null;
  const most = Math.max(...columns.map((column) => [...column.values()].reduce((sum, count) => sum + count, 0)));
  return (
    <div className="chart" role="img" aria-label={`${runs.length} runs over time`}>
      {columns.map((column, index) => (
        <div key={index} className="chart-column">
          {[...column].map(([tone, count]) => (
            <i key={tone} className={tone} style={{ height: `${(count / most) * 100}%` }} />
          ))}
        </div>
      ))}
    </div>
  );
}
