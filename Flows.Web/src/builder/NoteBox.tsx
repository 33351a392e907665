import type { Node, NodeProps } from "@xyflow/react";
import { GripHorizontal, Trash2 } from "lucide-react";
import { createContext, memo, useContext, useState } from "react";
import type { Note } from "../flow/definition";
import { text } from "../text";
import { IconButton } from "../ui/ui";

export type NoteNode = Node<{ note: Note; index: number; isEditable: boolean }, "note">;

export const NoteActions = createContext<{ change: (index: number, note: Note | null) => void }>({ change: () => {} });

const colors = ["yellow", "blue", "green", "red"] as const;

/** A note on the canvas: typed into where it lies, dragged by its upper edge or moved with the arrow keys there. */
export const NoteBox = memo(function NoteBox({ data: { note, index, isEditable } }: NodeProps<NoteNode>) {
  const { change } = useContext(NoteActions);
  const [typed, setTyped] = useState<string | null>(null);
  const color = note.color ?? "yellow";
  const take = () => {
    if (typed !== null && typed !== note.text) change(index, { ...note, text: typed });
    setTyped(null);
  };
  return (
    <div className={`note ${color}`} role="group" aria-label={`${text.build.note} ${index + 1}`}>
      {isEditable && (
        <div className="note-head">
          <button
            type="button"
            className="note-grip"
            aria-label={`${text.build.moveNote} ${index + 1}`}
            onKeyDown={(event) => {
              const by = { ArrowLeft: [-20, 0], ArrowRight: [20, 0], ArrowUp: [0, -20], ArrowDown: [0, 20] }[event.key];
              if (!by) return;
              event.preventDefault();
              event.stopPropagation();
              change(index, { ...note, x: note.x + (by[0] as number), y: note.y + (by[1] as number) });
            }}
          >
            <GripHorizontal size={14} aria-hidden />
          </button>
          {colors.map((name) => (
            <button key={name} type="button" className={`note-color nodrag ${name}`} aria-label={text.build.colors[name]} aria-pressed={name === color} onClick={() => change(index, { ...note, color: name })} />
          ))}
          <IconButton className="nodrag" label={`${text.common.remove} ${text.build.note} ${index + 1}`} onClick={() => change(index, null)}>
            <Trash2 size={13} />
          </IconButton>
        </div>
      )}
      <textarea
        className="nodrag nopan nowheel"
        aria-label={`${text.build.noteText} ${index + 1}`}
        readOnly={!isEditable}
        maxLength={4000}
        rows={Math.max(3, Math.min(12, (typed ?? note.text).split("\n").length + 1))}
        value={typed ?? note.text}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={take}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
    </div>
  );
});
