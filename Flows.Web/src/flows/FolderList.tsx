import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Folder, FolderPlus, Inbox, Layers, MoreHorizontal, Pencil, Trash2 } from "lucide-react";
import { useState, type ReactNode } from "react";
import { Link } from "react-router";
import { del, get, patch, post, type Schemas } from "../api/client";
import { text } from "../text";
import { Button, Dialog, IconButton, Menu, tellError } from "../ui/ui";
import { NameDialog } from "./NameDialog";

export type FolderView = Schemas["FolderView"];

export const useFolders = () => useQuery({ queryKey: ["folders"], queryFn: async () => (await get<{ items: FolderView[] }>("api/v1/folders")).items });

/** The project's folders, to look into, make, rename and delete; a flow that is dragged onto one is moved there. */
export function FolderList({ chosen, mayEdit, onChoose, onDrop }: { chosen: string; mayEdit: boolean; onChoose: (folder: string) => void; onDrop: (folder: string | null, flows: string[]) => void }) {
  const client = useQueryClient();
  const folders = useFolders();
  const [dialog, setDialog] = useState<{ kind: "new" } | { kind: "rename" | "delete"; folder: FolderView } | null>(null);
  const refresh = () => Promise.all([client.invalidateQueries({ queryKey: ["folders"] }), client.invalidateQueries({ queryKey: ["flows"] })]);
  const place = (folder: string, label: string, icon: ReactNode, count?: number, target?: string | null) => (
    <button
      type="button"
      className="folder"
      aria-current={chosen === folder || undefined}
      onClick={() => onChoose(folder)}
      onDragOver={(event) => target !== undefined && mayEdit && event.preventDefault()}
      onDrop={(event) => {
        const flows = event.dataTransfer.getData("application/x-flows-flow");
        if (target !== undefined && flows) onDrop(target, flows.split(","));
      }}
    >
      {icon}
      <span className="cut">{label}</span>
      {count !== undefined && <small>{count}</small>}
    </button>
  );
  return (
    <aside className="folders" aria-label={text.folders.title}>
      <header>
        <h2>{text.folders.title}</h2>
        {mayEdit && (
          <IconButton label={text.folders.new} onClick={() => setDialog({ kind: "new" })}>
            <FolderPlus size={16} />
          </IconButton>
        )}
      </header>
      {place("", text.folders.all, <Layers size={16} aria-hidden />)}
      {place("none", text.folders.none, <Inbox size={16} aria-hidden />, undefined, null)}
      <ul>
        {folders.data?.map((folder) => (
          <li key={folder.id}>
            {place(folder.id, folder.name, <Folder size={16} aria-hidden />, Number(folder.flows), folder.id)}
            {mayEdit && (
              <Menu
                label={`${text.folders.more} ${folder.name}`}
                trigger={<MoreHorizontal size={16} />}
                items={[
                  { label: text.flows.rename, icon: <Pencil size={16} />, run: () => setDialog({ kind: "rename", folder }) },
                  { label: text.common.delete, icon: <Trash2 size={16} />, danger: true, run: () => setDialog({ kind: "delete", folder }) },
                ]}
              />
            )}
          </li>
        ))}
      </ul>
      <Link className="folder" to="/flows/deleted">
        <Trash2 size={16} aria-hidden />
        <span>{text.folders.deleted}</span>
      </Link>
      {dialog?.kind === "new" && (
        <NameDialog
          title={text.folders.new}
          name=""
          go={text.common.create}
          onClose={() => setDialog(null)}
          onDone={async (name) => {
            const folder = await post<FolderView>("api/v1/folders", { name });
            await refresh();
            setDialog(null);
            onChoose(folder.id);
          }}
        />
      )}
      {dialog?.kind === "rename" && (
        <NameDialog
          title={text.flows.rename}
          name={dialog.folder.name}
          go={text.common.save}
          onClose={() => setDialog(null)}
          onDone={async (name) => {
            await patch(`api/v1/folders/${dialog.folder.id}`, { name });
            await refresh();
            setDialog(null);
          }}
        />
      )}
      {dialog?.kind === "delete" && (
        <Dialog title={dialog.folder.name} help={text.folders.deleteQuestion} onClose={() => setDialog(null)}>
          <div className="dialog-actions">
            <Button onClick={() => setDialog(null)}>{text.common.cancel}</Button>
            <Button
              tone="danger"
              onClick={() => {
                void del(`api/v1/folders/${dialog.folder.id}`).then(refresh, tellError);
                if (chosen === dialog.folder.id) onChoose("");
                setDialog(null);
              }}
            >
              {text.common.delete}
            </Button>
          </div>
        </Dialog>
      )}
    </aside>
  );
}
