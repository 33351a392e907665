import { useState } from "react";
import { post, type FlowView, type Schemas } from "../api/client";
import { text } from "../text";
import { Button, tell } from "../ui/ui";
import { DeleteDialog, MoveDialog, TagsDialog } from "./FlowDialogs";

const atOnce = 100;

export type BulkRequest = { action: "enable" | "disable" | "delete" | "move" | "tag" | "untag"; folderId?: string | null; tags?: string[] };

/** Does something to many flows, a hundred in a call, and says what was refused. */
export async function actOnFlows(ids: string[], request: BulkRequest): Promise<void> {
  let done = 0;
  const refused: Schemas["RefusedFlow"][] = [];
  for (let at = 0; at < ids.length; at += atOnce) {
    const result = await post<Schemas["ManyFlows"]>("api/v1/flows/bulk", { ...request, ids: ids.slice(at, at + atOnce) });
    done += result.done.length;
    refused.push(...result.refused);
  }
  tell(text.folders.bulkDone(done, refused.length, refused[0]?.detail ?? null), refused.length > 0);
}

/** What is done to the flows that were picked. */
export function FlowsBulk({ picked, mayPublish, act }: { picked: FlowView[]; mayPublish: boolean; act: (request: BulkRequest) => Promise<void> }) {
  const [dialog, setDialog] = useState<"move" | "tags" | "delete" | null>(null);
  const close = () => setDialog(null);
  if (picked.length === 0) return null;
  const names = text.folders.picked(picked.length);
  return (
    <div className="bulk" role="region" aria-label={text.folders.bulk}>
      <span>{names}</span>
      <span className="spring" />
      {mayPublish && <Button onClick={() => void act({ action: "enable" })}>{text.folders.enable}</Button>}
      {mayPublish && <Button onClick={() => void act({ action: "disable" })}>{text.folders.disable}</Button>}
      <Button onClick={() => setDialog("move")}>{text.folders.move}</Button>
      <Button onClick={() => setDialog("tags")}>{text.folders.tags}</Button>
      <Button tone="danger" onClick={() => setDialog("delete")}>
        {text.common.delete}
      </Button>
      {dialog === "move" && (
        <MoveDialog
          names={names}
          onClose={close}
          onMove={(folderId) => {
            close();
            void act({ action: "move", folderId });
          }}
        />
      )}
      {dialog === "tags" && (
        <TagsDialog
          names={names}
          tags={[]}
          onClose={close}
          onDone={close}
          go={[
            { label: text.folders.untag, tone: "danger", act: (tags) => act({ action: "untag", tags }) },
            { label: text.folders.tag, act: (tags) => act({ action: "tag", tags }) },
          ]}
        />
      )}
      {dialog === "delete" && (
        <DeleteDialog
          names={names}
          onClose={close}
          onDelete={() => {
            close();
            void act({ action: "delete" });
          }}
        />
      )}
    </div>
  );
}
