import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Import, LayoutTemplate, Plus } from "lucide-react";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { del, get, patch, post, query, save, type FlowView } from "../api/client";
import { useMe } from "../settings/useMe";
import { text } from "../text";
import { Button, Empty, Failure, tell, tellError } from "../ui/ui";
import { useList } from "../ui/useList";
import { DeleteDialog, MoveDialog, TagsDialog } from "./FlowDialogs";
import { FlowRow, type FlowDeed } from "./FlowRow";
import { actOnFlows, FlowsBulk, type BulkRequest } from "./FlowsBulk";
import { FolderList, useFolders } from "./FolderList";
import { ImportDialog } from "./ImportDialog";
import { NameDialog } from "./NameDialog";

const Gallery = lazy(() => import("./Gallery"));

const emptyFlow = { schema: 1, trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} }, steps: [] };
const states = ["enabled", "disabled", "unpublished"] as const;
const typingMs = 250;

type Open = { kind: "new" | "import" | "gallery" } | { kind: "rename" | "delete" | "move" | "tags"; flow: FlowView };

export function FlowsPage() {
  const navigate = useNavigate();
  const client = useQueryClient();
  const permissions = useMe().data?.permissions;
  const mayEdit = permissions?.includes("flows:edit") ?? false;
  const [search, setSearch] = useSearchParams();
  const of = (name: string) => search.get(name) ?? "";
  const [folder, tag, state, q] = [of("folder"), of("tag"), of("state"), of("q")];
  const [typed, setTyped] = useState(q);
  // What was typed a moment ago goes along: it must not come after, and take away what was picked since.
  const narrow = (changes: Record<string, string>) => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries({ q: typed.trim(), ...changes })) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    setSearch(next, { replace: true });
    setPicked(new Set());
  };
  useEffect(() => {
    const timer = setTimeout(() => typed.trim() !== q && narrow({}), typingMs);
    return () => clearTimeout(timer);
  });
  const flows = useList<FlowView>(["flows", "list", folder, tag, state, q], (cursor) => `api/v1/flows${query({ limit: 50, cursor, folder, tag, state, q, recent: 24 })}`, 5000);
  const folders = useFolders();
  const folderNames = useMemo(() => new Map(folders.data?.map((item) => [item.id, item.name])), [folders.data]);
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [dialog, setDialog] = useState<Open | null>(null);
  const close = () => setDialog(null);
  const refresh = () => Promise.all([client.invalidateQueries({ queryKey: ["flows"] }), client.invalidateQueries({ queryKey: ["folders"] })]);
  const change = useMutation({ mutationFn: (action: () => Promise<unknown>) => action(), onSuccess: refresh, onError: tellError });
  const pickedFlows = flows.items.filter((flow) => picked.has(flow.id));

  const create = async (name: string, definition: unknown = emptyFlow) => {
    const flow = await post<FlowView>("api/v1/flows", { name, definition, ...(folder && folder !== "none" ? { folderId: folder } : {}) });
    await refresh();
    await navigate(`/flows/${flow.id}`);
  };
  const many = async (ids: string[], request: BulkRequest) => {
    await actOnFlows(ids, request);
    setPicked(new Set());
    await refresh();
  };
  const deeds = (flow: FlowView): Record<FlowDeed, () => void> => ({
    rename: () => setDialog({ kind: "rename", flow }),
    move: () => setDialog({ kind: "move", flow }),
    tags: () => setDialog({ kind: "tags", flow }),
    delete: () => setDialog({ kind: "delete", flow }),
    duplicate: () => change.mutate(() => post(`api/v1/flows/${flow.id}/duplicate`)),
    export: () => change.mutate(async () => save(new Blob([JSON.stringify(await get<unknown>(`api/v1/flows/${flow.id}/export`), null, 2)], { type: "application/json" }), `${flow.name.replace(/[^\w-]+/g, "-") || "flow"}.json`)),
    switch: () => change.mutate(() => post(`api/v1/flows/${flow.id}/${flow.enabled ? "disable" : "enable"}`)),
    pause: () => change.mutate(() => post(`api/v1/flows/${flow.id}/queue/pause`).then(() => tell(text.flows.paused))),
    resume: () => change.mutate(() => post(`api/v1/flows/${flow.id}/queue/resume`).then(() => tell(text.flows.resumed))),
  });
  const toggle = (id: string) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    setPicked(next);
  };
  const isNarrowed = Boolean(folder || tag || state || q);
  return (
    <main className="page wide with-side">
      <FolderList chosen={folder} mayEdit={mayEdit} onChoose={(id) => narrow({ folder: id })} onDrop={(folderId, ids) => void many(ids, { action: "move", folderId }).catch(tellError)} />
      <div className="side-main">
        <header className="page-head">
          <h1>{text.flows.title}</h1>
          <input type="search" aria-label={text.common.search} placeholder={text.common.search} maxLength={200} value={typed} onChange={(event) => setTyped(event.target.value)} />
          <select aria-label={text.folders.state} value={state} onChange={(event) => narrow({ state: event.target.value })}>
            <option value="">{text.folders.anyState}</option>
            {states.map((item) => (
              <option key={item} value={item}>
                {text.folders.states[item]}
              </option>
            ))}
          </select>
          {tag && (
            <button type="button" className="badge tag" aria-label={text.folders.dropTag(tag)} onClick={() => narrow({ tag: "" })}>
              {tag} ×
            </button>
          )}
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
        <FlowsBulk picked={pickedFlows} mayPublish={permissions?.includes("flows:publish") ?? false} act={(request) => many([...picked], request)} />
        {flows.error && <Failure error={flows.error} retry={() => void flows.refetch()} />}
        {flows.isSuccess && flows.items.length === 0 && isNarrowed && (
          <Empty title={text.folders.noneMatch} action={<Button onClick={() => (setTyped(""), narrow({ folder: "", tag: "", state: "", q: "" }))}>{text.list.clear}</Button>}>
            {text.folders.noneMatchHelp}
          </Empty>
        )}
        {flows.isSuccess && flows.items.length === 0 && !isNarrowed && (
          <Empty title={text.flows.empty} action={<Button tone="primary" onClick={() => setDialog({ kind: "new" })}>{text.flows.new}</Button>}>
            {text.flows.emptyHelp}
          </Empty>
        )}
        <ul className="cards">
          {flows.items.map((flow) => (
            <FlowRow
              key={flow.id}
              flow={flow}
              folder={folder || !flow.folderId ? null : (folderNames.get(flow.folderId) ?? null)}
              isPicked={picked.has(flow.id)}
              dragged={picked.has(flow.id) ? [...picked] : [flow.id]}
              onPick={() => toggle(flow.id)}
              onTag={(word) => narrow({ tag: word })}
              onDo={(deed) => deeds(flow)[deed]()}
            />
          ))}
        </ul>
        {flows.hasNextPage && (
          <Button disabled={flows.isFetchingNextPage} onClick={() => void flows.fetchNextPage()}>
            {text.common.more}
          </Button>
        )}
      </div>
      {dialog?.kind === "new" && <NameDialog title={text.flows.new} name="" go={text.common.create} onClose={close} onDone={(name) => create(name)} />}
      {dialog?.kind === "gallery" && (
        <Suspense fallback={null}>
          <Gallery onClose={close} onPick={(template) => create(template.title, template.definition)} />
        </Suspense>
      )}
      {dialog?.kind === "import" && <ImportDialog onClose={() => (close(), void refresh())} />}
      {dialog?.kind === "rename" && (
        <NameDialog
          title={text.flows.rename}
          name={dialog.flow.name}
          go={text.common.save}
          onClose={close}
          onDone={async (name) => {
            await patch(`api/v1/flows/${dialog.flow.id}`, { name });
            await refresh();
            close();
          }}
        />
      )}
      {dialog?.kind === "move" && (
        <MoveDialog
          names={dialog.flow.name}
          onClose={close}
          onMove={(folderId) => {
            change.mutate(() => patch(`api/v1/flows/${dialog.flow.id}`, { folderId }));
            close();
          }}
        />
      )}
      {dialog?.kind === "tags" && (
        <TagsDialog
          names={dialog.flow.name}
          tags={dialog.flow.tags ?? []}
          onClose={close}
          onDone={() => {
            close();
            void refresh();
          }}
          go={[{ label: text.common.save, act: (tags) => patch(`api/v1/flows/${dialog.flow.id}`, { tags }) }]}
        />
      )}
      {dialog?.kind === "delete" && (
        <DeleteDialog
          names={dialog.flow.name}
          onClose={close}
          onDelete={() => {
            change.mutate(() => del(`api/v1/flows/${dialog.flow.id}`).then(() => tell(text.folders.deletedOne(dialog.flow.name))));
            close();
          }}
        />
      )}
    </main>
  );
}
