import { useQueryClient } from "@tanstack/react-query";
import { Download, GitCompareArrows } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { download, query, type FlowView, type RunView } from "../api/client";
import { useEvents } from "../api/useEvents";
import { text } from "../text";
import { Button, Empty, Failure, tellError } from "../ui/ui";
import { useList } from "../ui/useList";
import { BulkBar } from "./BulkBar";
import { apiQuery, readFilter, type RunsFilter } from "./filter";
import { RunChart } from "./RunChart";
import { RunFilters } from "./RunFilters";
import { RunRows } from "./RunRows";

const pollMs = 3000;
/** At most so often is the list read again, however many runs there are. */
const readMs = 1000;
const mostLivePages = 3;

export function RunsPage() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [search, setSearch] = useSearchParams();
  const filter = useMemo(() => readFilter(search), [search]);
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [isSaving, setSaving] = useState(false);
  const reading = useRef<ReturnType<typeof setTimeout> | null>(null);
  const isStreaming = useEvents("api/v1/runs/events", () => readSoon());
  const refresh = isStreaming ? false : pollMs;
  const path = (cursor: string | null, limit = 50) => `api/v1/runs${apiQuery(filter, Date.now(), { limit, cursor })}`;
  const runs = useList<RunView>(["runs", "list", filter], (cursor) => path(cursor), refresh || undefined);
  const flows = useList<FlowView>(["flows", "names"], (cursor) => `api/v1/flows${query({ limit: 100, cursor })}`);
  const nameOf = useMemo(() => new Map(flows.items.map((item) => [item.id, item.name])), [flows.items]);
  const pages = runs.data?.pages.length ?? 0;
  const readSoon = () => {
    reading.current ??= setTimeout(() => {
      reading.current = null;
      if (pages <= mostLivePages) void client.invalidateQueries({ queryKey: ["runs"] });
    }, readMs);
  };
  useEffect(() => () => clearTimeout(reading.current ?? undefined), []);

  const change = (changes: Partial<RunsFilter>) => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    setSearch(next, { replace: true });
    setPicked(new Set());
  };
  const saveCsv = async () => {
    setSaving(true);
    await download(`api/v1/runs.csv${apiQuery(filter, Date.now())}`, "runs.csv").catch(tellError);
    setSaving(false);
  };
  const isFiltered = [...search.keys()].length > 0;
  const [one, other] = [...picked];
  return (
    <main className="page wide">
      <header className="page-head">
        <h1>{text.runs.title}</h1>
        {isStreaming && <span className="live">{text.runs.live}</span>}
        {picked.size === 2 && (
          <Link className="button plain" to={`/runs/compare?left=${[one, other].sort()[0]}&right=${[one, other].sort()[1]}`}>
            <GitCompareArrows size={16} aria-hidden />
            <span>{text.list.compareTwo}</span>
          </Link>
        )}
        <Button icon={<Download size={16} />} disabled={isSaving} onClick={() => void saveCsv()}>
          {text.list.csv}
        </Button>
      </header>
      <RunFilters filter={filter} flows={flows.items} onChange={change} onRun={(id) => void navigate(`/runs/${id}`)} />
      <RunChart filter={filter} refresh={isStreaming ? 30_000 : 10_000} onPick={(from, to) => change({ since: "", from, to })} />
      <BulkBar picked={picked} canTakeAll={runs.hasNextPage && picked.size === runs.items.length} pathOfAll={(cursor) => path(cursor, 100)} onDone={() => setPicked(new Set())} />
      {runs.error && <Failure error={runs.error} retry={() => void runs.refetch()} />}
      {runs.isSuccess && runs.items.length === 0 && (
        <Empty title={isFiltered ? text.runs.empty : text.list.none} action={isFiltered ? <Button onClick={() => setSearch({}, { replace: true })}>{text.list.clear}</Button> : undefined}>
          {isFiltered ? text.list.noneMatch : text.runs.emptyHelp}
        </Empty>
      )}
      {runs.items.length > 0 && <RunRows runs={runs.items} nameOf={nameOf} picked={picked} onPick={setPicked} onTag={(tag) => change({ tag })} />}
      {runs.hasNextPage && (
        <Button disabled={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
          {text.common.more}
        </Button>
      )}
    </main>
  );
}
