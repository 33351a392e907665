import { useState } from "react";
import { text } from "../text";
import { Button, Dialog, Field } from "../ui/ui";
import { useFolders } from "./FolderList";

/** Asks which folder flows go to. */
export function MoveDialog({ names, onClose, onMove }: { names: string; onClose: () => void; onMove: (folder: string | null) => void }) {
  const folders = useFolders();
  const [folder, setFolder] = useState("");
  return (
    <Dialog title={`${text.folders.move}: ${names}`} onClose={onClose}>
      <Field label={text.folders.folder}>
        {(id) => (
          <select id={id} value={folder} onChange={(event) => setFolder(event.target.value)}>
            <option value="">{text.folders.none}</option>
            {folders.data?.map((item) => (
              <option key={item.id} value={item.id}>
                {item.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div className="dialog-actions">
        <Button onClick={onClose}>{text.common.cancel}</Button>
        <Button tone="primary" onClick={() => onMove(folder || null)}>
          {text.folders.move}
        </Button>
      </div>
    </Dialog>
  );
}

/** Tags as a person types them, with commas between. */
export const readTags = (typed: string) => [...new Set(typed.split(",").map((tag) => tag.trim()).filter(Boolean))];

/** Asks for tags. What the API has against them is said under the field. */
export function TagsDialog({ names, tags, go, onClose, onDone }: { names: string; tags: readonly string[]; go: { label: string; tone?: "danger"; act: (tags: string[]) => Promise<void> }[]; onClose: () => void; onDone: () => void }) {
  const [typed, setTyped] = useState(tags.join(", "));
  const [problem, setProblem] = useState<string | null>(null);
  const act = async (action: (tags: string[]) => Promise<void>) => {
    try {
      await action(readTags(typed));
      onDone();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <Dialog title={`${text.folders.tags}: ${names}`} onClose={onClose}>
      <Field label={text.folders.tags} help={text.folders.tagsHelp} error={problem}>
        {(id) => <input id={id} autoFocus value={typed} onChange={(event) => setTyped(event.target.value)} />}
      </Field>
      <div className="dialog-actions">
        <Button onClick={onClose}>{text.common.cancel}</Button>
        {go.map((choice) => (
          <Button key={choice.label} tone={choice.tone ?? "primary"} onClick={() => void act(choice.act)}>
            {choice.label}
          </Button>
        ))}
      </div>
    </Dialog>
  );
}

export function DeleteDialog({ names, onClose, onDelete }: { names: string; onClose: () => void; onDelete: () => void }) {
  return (
    <Dialog title={names} help={text.flows.deleteQuestion} onClose={onClose}>
      <div className="dialog-actions">
        <Button onClick={onClose}>{text.common.cancel}</Button>
        <Button tone="danger" onClick={onDelete}>
          {text.common.delete}
        </Button>
      </div>
    </Dialog>
  );
}
