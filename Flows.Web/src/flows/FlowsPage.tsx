import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Copy, Download, Import, LayoutTemplate, MoreHorizontal, Pause, Pencil, Play, Plus, Power, Trash2 } from "lucide-react";
import { lazy, Suspense, useMemo, useState, type FormEvent } from "react";
import { Link, useNavigate } from "react-router";
import { del, get, patch, post, query, type FlowView, type RunView } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { useList } from "../ui/useList";
import { Button, Dialog, Empty, Failure, Field, Menu, tell, tellError } from "../ui/ui";
import { ImportDialog } from "./ImportDialog";
import { Sparkline } from "./Sparkline";

const Gallery = lazy(() => import("./Gallery"));

const emptyFlow = { schema: 1, trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} }, steps: [] };

export function FlowsPage() {
  const navigate = useNavigate();
  const client = useQueryClient();
  const flows = useList<FlowView>(["flows"], (cursor) => `api/v1/flows${query({ limit: 100, cursor })}`, 15_000);
  const recent = useQuery({ queryKey: ["runs", "recent"], queryFn: () => get<{ items: RunView[] }>("api/v1/runs?limit=100"), refetchInterval: 5000 });
  const [search, setSearch] = useState("");
  const [dialog, setDialog] = useState<{ kind: "new" | "import" | "gallery" } | { kind: "rename" | "delete"; flow: FlowView } | null>(null);
  const runsByFlow = useMemo(() => Map.groupBy(recent.data?.items ?? [], (run) => run.flowId), [recent.data]);
  const refresh = () => client.invalidateQueries({ queryKey: ["flows"] });
  const change = useMutation({ mutationFn: (action: () => Promise<unknown>) => action(), onSuccess: refresh, onError: tellError });

  const create = async (name: string, definition: unknown = emptyFlow) => {
    const flow = await post<FlowView>("api/v1/flows", { name, definition });
    await refresh();
    await navigate(`/flows/${flow.id}`);
  };
  const hold = async (flow: FlowView, what: "pause" | "resume") => {
    await post(`api/v1/flows/${flow.id}/queue/${what}`);
    tell(what === "pause" ? text.flows.paused : text.flows.resumed);
  };
  const exportFlow = async (flow: FlowView) => {
    const file = await get<unknown>(`api/v1/flows/${flow.id}/export`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 2)], { type: "application/json" }));
    link.download = `${flow.name.replace(/[^\w-]+/g, "-") || "flow"}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  };

  const shown = flows.items.filter((flow) => `${flow.name} ${flow.key ?? ""}`.toLowerCase().includes(search.toLowerCase()));
  return (
    <main className="page">
      <header className="page-head">
        <h1>{text.flows.title}</h1>
        <input type="search" aria-label={text.common.search} placeholder={text.common.search} value={search} onChange={(event) => setSearch(event.target.value)} />
        <Button icon={<LayoutTemplate size={16} />} onClick={() => setDialog({ kind: "gallery" })}>
          {text.flows.gallery}
        </Button>
        <Button icon={<Import size={16} />} onClick={() => setDialog({ kind: "import" })}>
          {text.flows.import}
        </Button>
        <Button tone="primary" icon={<Plus size={16} />} onClick={() => setDialog({ kind: "new" })}>
          {text.flows.new}
        </Button>
      </header>
      {flows.error && <Failure error={flows.error} retry={() => void flows.refetch()} />}
      {flows.isSuccess && flows.items.length === 0 && (
        <Empty title={text.flows.empty} action={<Button tone="primary" onClick={() => setDialog({ kind: "new" })}>{text.flows.new}</Button>}>
          {text.flows.emptyHelp}
        </Empty>
      )}
      <ul className="cards">
        {shown.map((flow) => (
          <li key={flow.id} className="card">
            <Link to={`/flows/${flow.id}`} className="card-title">
              {flow.name}
            </Link>
            <span className={flow.publishedVersion && flow.enabled ? "badge good" : "badge"}>
              {flow.publishedVersion ? `${text.flows.published} ${flow.publishedVersion}, ${(flow.enabled ? text.common.on : text.common.off).toLowerCase()}` : text.flows.notPublished}
            </span>
            <Sparkline runs={runsByFlow.get(flow.id) ?? []} />
            <span className="quiet">{when(flow.updatedAt)}</span>
            <Menu
              label={`More for ${flow.name}`}
              trigger={<MoreHorizontal size={18} />}
              items={[
                { label: text.flows.rename, icon: <Pencil size={16} />, run: () => setDialog({ kind: "rename", flow }) },
                { label: text.common.duplicate, icon: <Copy size={16} />, run: () => change.mutate(() => post(`api/v1/flows/${flow.id}/duplicate`)) },
                { label: text.flows.export, icon: <Download size={16} />, run: () => change.mutate(() => exportFlow(flow)) },
                {
                  label: flow.enabled ? "Disable" : "Enable",
                  icon: <Power size={16} />,
                  disabled: !flow.publishedVersion,
                  run: () => change.mutate(() => post(`api/v1/flows/${flow.id}/${flow.enabled ? "disable" : "enable"}`)),
                },
                { label: text.flows.pause, icon: <Pause size={16} />, run: () => change.mutate(() => hold(flow, "pause")) },
                { label: text.flows.resume, icon: <Play size={16} />, run: () => change.mutate(() => hold(flow, "resume")) },
                null,
                { label: text.common.delete, icon: <Trash2 size={16} />, danger: true, run: () => setDialog({ kind: "delete", flow }) },
              ]}
            />
          </li>
        ))}
      </ul>
      {flows.hasNextPage && <Button onClick={() => void flows.fetchNextPage()}>{text.common.more}</Button>}
      {dialog?.kind === "new" && <NameDialog title={text.flows.new} name="" go={text.common.create} onClose={() => setDialog(null)} onDone={(name) => create(name)} />}
      {dialog?.kind === "gallery" && (
        <Suspense fallback={null}>
          <Gallery onClose={() => setDialog(null)} onPick={(template) => create(template.title, template.definition)} />
        </Suspense>
      )}
      {dialog?.kind === "import" && (
        <ImportDialog
          onClose={() => {
            setDialog(null);
            void refresh();
          }}
        />
      )}
      {dialog?.kind === "rename" && (
        <NameDialog
          title={text.flows.rename}
          name={dialog.flow.name}
          go={text.common.save}
          onClose={() => setDialog(null)}
          onDone={async (name) => {
            await patch(`api/v1/flows/${dialog.flow.id}`, { name });
            await refresh();
            setDialog(null);
          }}
        />
      )}
      {dialog?.kind === "delete" && (
        <Dialog title={dialog.flow.name} help={text.flows.deleteQuestion} onClose={() => setDialog(null)}>
          <div className="dialog-actions">
            <Button onClick={() => setDialog(null)}>{text.common.cancel}</Button>
            <Button
              tone="danger"
              onClick={() => {
                change.mutate(() => del(`api/v1/flows/${dialog.flow.id}`));
                setDialog(null);
                tell(`${dialog.flow.name} is deleted.`);
              }}
            >
              {text.common.delete}
            </Button>
          </div>
        </Dialog>
      )}
    </main>
  );
}

export function NameDialog({ title, name: first, go, onClose, onDone }: { title: string; name: string; go: string; onClose: () => void; onDone: (name: string) => Promise<void> }) {
  const [name, setName] = useState(first);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await onDone(name.trim());
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <Field label={text.common.name} error={problem}>
          {(id) => <input id={id} autoFocus required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <div className="dialog-actions">
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="submit" tone="primary" disabled={isBusy || name.trim() === ""}>
            {go}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
