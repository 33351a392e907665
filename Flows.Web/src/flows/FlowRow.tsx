import { Copy, Download, FolderInput, MoreHorizontal, Pause, Pencil, Play, Power, Tags, Trash2 } from "lucide-react";
import { Link } from "react-router";
import type { FlowView } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { Menu } from "../ui/ui";
import { Sparkline } from "./Sparkline";

export type FlowDeed = "rename" | "move" | "tags" | "duplicate" | "export" | "switch" | "pause" | "resume" | "delete";

/** A flow in the list: what it is, how its last runs went, and what can be done with it. */
export function FlowRow({ flow, folder, isPicked, dragged, onPick, onTag, onDo }: {
  flow: FlowView;
  /** The name of the folder that it is in, where that is not plain from the page. */
  folder: string | null;
  isPicked: boolean;
  /** The flows that go along when this one is dragged. */
  dragged: string[];
  onPick: () => void;
  onTag: (tag: string) => void;
  onDo: (deed: FlowDeed) => void;
}) {
  return (
    <li className="card" draggable onDragStart={(event) => event.dataTransfer.setData("application/x-flows-flow", dragged.join(","))}>
      <input type="checkbox" aria-label={`${text.folders.pick} ${flow.name}`} checked={isPicked} onChange={onPick} />
      <span className="card-words">
        <Link to={`/flows/${flow.id}`} className="card-title" draggable={false}>
          {flow.name}
        </Link>
        <span className="tags">
          {folder && <small>{folder}</small>}
          {flow.tags?.map((tag) => (
            <button key={tag} type="button" className="badge tag" onClick={() => onTag(tag)}>
              {tag}
            </button>
          ))}
        </span>
      </span>
      <span className={flow.publishedVersion && flow.enabled ? "badge good" : "badge"}>
        {flow.publishedVersion ? `${text.flows.published} ${flow.publishedVersion}, ${(flow.enabled ? text.common.on : text.common.off).toLowerCase()}` : text.flows.notPublished}
      </span>
      <Link to={`/runs?flow=${flow.id}`} aria-label={text.folders.runsOf(flow.name)} draggable={false}>
        <Sparkline statuses={flow.recent?.statuses ?? []} />
      </Link>
      <span className="quiet">{when(flow.recent?.lastAt ?? flow.updatedAt)}</span>
      <Menu
        label={text.flows.more(flow.name)}
        trigger={<MoreHorizontal size={18} />}
        items={[
          { label: text.flows.rename, icon: <Pencil size={16} />, run: () => onDo("rename") },
          { label: text.folders.move, icon: <FolderInput size={16} />, run: () => onDo("move") },
          { label: text.folders.tags, icon: <Tags size={16} />, run: () => onDo("tags") },
          { label: text.common.duplicate, icon: <Copy size={16} />, run: () => onDo("duplicate") },
          { label: text.flows.export, icon: <Download size={16} />, run: () => onDo("export") },
          { label: flow.enabled ? text.flows.disable : text.flows.enable, icon: <Power size={16} />, disabled: !flow.publishedVersion, run: () => onDo("switch") },
          { label: text.flows.pause, icon: <Pause size={16} />, run: () => onDo("pause") },
          { label: text.flows.resume, icon: <Play size={16} />, run: () => onDo("resume") },
          null,
          { label: text.common.delete, icon: <Trash2 size={16} />, danger: true, run: () => onDo("delete") },
        ]}
      />
    </li>
  );
}
