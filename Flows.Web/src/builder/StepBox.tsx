import type { Node, NodeProps } from "@xyflow/react";
import { AlertTriangle, Braces, CircleStop, Clock, Code2, GitBranch, MessageSquareReply, Pin, Plus, Puzzle, Repeat, StickyNote, Workflow, Zap } from "lucide-react";
import { createContext, memo, useContext, useState } from "react";
import type { Place, Step } from "../flow/definition";
import type { Mark } from "../flow/diff";
import type { Tone } from "../runs/status";
import { text } from "../text";

/** What a box on the canvas shows besides its step: problems in the builder, states in a run, differences between versions. */
export interface StepNote {
  tone?: Tone;
  text?: string;
  hasProblem?: boolean;
  /** Its output is pinned: test runs do not run it. */
  isPinned?: boolean;
  mark?: Mark;
  /** For the screen reader only. */
  said?: string;
}

export interface CanvasActions {
  select: (id: string) => void;
  add?: (place: Place) => void;
  move?: (name: string, to: Place) => void;
}

export const Actions = createContext<CanvasActions>({ select: () => {} });

const icons = { action: Puzzle, code: Code2, router: GitBranch, loop: Repeat, wait: Clock, call: Workflow, respond: MessageSquareReply, stop: CircleStop };

export type StepNode = Node<{ step?: Step; title: string; kind: string; isSelected: boolean; note?: StepNote; isEditable: boolean }, "step">;
export type AddNode = Node<{ place: Place; isOnly: boolean }, "add">;
export type LabelNode = Node<{ text: string; tone: string }, "label">;

const dragType = "application/x-flows-step";

export const StepBox = memo(function StepBox({ id, data }: NodeProps<StepNode>) {
  const { select } = useContext(Actions);
  const { step, note } = data;
  const Icon = step ? (icons[step.kind] ?? Braces) : Zap;
  const words = [data.title, data.kind, note?.text, note?.said, note?.hasProblem && text.build.hasProblem, note?.isPinned && text.build.pinned, step?.skip && text.build.skipped];
  return (
    <button
      type="button"
      // "nopan": else the canvas takes the mouse, and the browser drags nothing.
      className={["step-box", data.isEditable && "nopan", data.isSelected && "selected", note?.tone, note?.mark && `mark-${note.mark}`, step?.skip && "skipped"].filter(Boolean).join(" ")}
      data-step={id}
      draggable={data.isEditable && Boolean(step)}
      onDragStart={(event) => {
        event.dataTransfer.setData(dragType, id);
        event.dataTransfer.effectAllowed = "move";
        // After the picture of what is dragged has been taken.
        const canvas = event.currentTarget.closest(".canvas");
        setTimeout(() => canvas?.classList.add("is-dragging"));
      }}
      onDragEnd={(event) => event.currentTarget.closest(".canvas")?.classList.remove("is-dragging")}
      onClick={() => select(id)}
      title={step?.note}
      aria-label={words.filter(Boolean).join(", ")}
      aria-pressed={data.isSelected}
    >
      <span className="step-icon">
        <Icon size={18} aria-hidden />
      </span>
      <span className="step-words">
        <b>{data.title}</b>
        <small>{note?.text || data.kind}</small>
      </span>
      {step?.note && <StickyNote size={15} className="step-mark" aria-hidden />}
      {note?.isPinned && <Pin size={15} className="step-pin" aria-hidden />}
      {note?.hasProblem && <AlertTriangle size={16} className="step-problem" aria-hidden />}
    </button>
  );
});

export const AddBox = memo(function AddBox({ data }: NodeProps<AddNode>) {
  const { add, move } = useContext(Actions);
  const [isOver, setOver] = useState(false);
  if (!add) return null;
  return (
    <button
      type="button"
      className={`add-box nodrag ${isOver ? "over" : ""}`}
      aria-label={text.builder.addStep}
      title={text.builder.addStep}
      onClick={() => add(data.place)}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(dragType)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const name = event.dataTransfer.getData(dragType);
        event.currentTarget.closest(".canvas")?.classList.remove("is-dragging");
        if (name) move?.(name, data.place);
      }}
    >
      <Plus size={14} />
    </button>
  );
});

export const LabelBox = memo(function LabelBox({ data }: NodeProps<LabelNode>) {
  return <span className={`lane-label ${data.tone}`}>{data.text}</span>;
});
