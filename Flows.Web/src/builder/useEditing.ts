import { useMemo, useRef } from "react";
import { pasted, stepAsText } from "../flow/clipboard";
import { copyStep, findStep, insertStep, moveStep, placeBeside, removeStep, type Definition, type Note, type Place, type Step } from "../flow/definition";
import { text } from "../text";
import { tell, useLatest } from "../ui/ui";

type Change = (next: (definition: Definition) => Definition, field?: string | null) => void;

export interface Editing {
  insert: (place: Place, step: Step) => void;
  move: (name: string, to: Place) => void;
  moveBy: (name: string, by: -1 | 1) => void;
  duplicate: (name: string) => void;
  remove: (name: string) => void;
  /** The step as text for the clipboard; null when there is no such step. */
  copied: (name: string) => string | null;
  copy: (name: string) => void;
  /** Puts a copied step behind the one that is selected; false when the text is none. */
  paste: (content: string) => boolean;
  note: (index: number, note: Note | null) => void;
  addNote: (at: { x: number; y: number }) => void;
}

/** What can be done to the steps and notes of a draft, each as one step back. */
export function useEditing(definition: Definition | null, selected: string | null, change: Change, select: (name: string | null) => void): Editing {
  const latest = useLatest({ definition, selected });
  // Where the browser keeps the clipboard from the page, a copy still gets as far as this tab.
  const fallback = useRef<string | null>(null);
  return useMemo(() => {
    const behind = (now: Definition, name: string | null): Place => {
      const place = name ? findStep(now, name)?.place : undefined;
      return place ? { ...place, index: place.index + 1 } : { list: { in: "flow" }, index: name === "trigger" ? 0 : now.steps.length };
    };
    const copied = (name: string) => {
      const step = latest.current.definition && findStep(latest.current.definition, name)?.step;
      return step ? stepAsText(step) : null;
    };
    return {
      insert: (place, step) => change((now) => insertStep(now, place, step)),
      move: (name, to) => change((now) => moveStep(now, name, to)),
      moveBy: (name, by) =>
        change((now) => {
          const to = placeBeside(now, name, by);
          return to ? moveStep(now, name, to) : now;
        }),
      duplicate: (name) =>
        change((now) => {
          const found = findStep(now, name);
          return found ? insertStep(now, behind(now, name), copyStep(now, found.step)) : now;
        }),
      remove: (name) => {
        change((now) => removeStep(now, name));
        select(null);
      },
      copied,
      copy: (name) => {
        const content = copied(name);
        if (!content) return;
        fallback.current = content;
        void navigator.clipboard?.writeText(content).catch(() => {});
        tell(text.build.copiedStep);
      },
      paste: (content) => {
        const now = latest.current.definition;
        const step = now && (pasted(now, content) ?? (fallback.current ? pasted(now, fallback.current) : null));
        if (!step) return false;
        change((current) => insertStep(current, behind(current, latest.current.selected), step));
        select(step.name);
        return true;
      },
      note: (index, note) =>
        change((now) => {
          const notes = (now.notes ?? []).flatMap((old, at) => (at !== index ? [old] : note === null ? [] : [note]));
          const { notes: _, ...rest } = now;
          return notes.length === 0 ? rest : { ...rest, notes };
        }),
      addNote: ({ x, y }) => change((now) => ({ ...now, notes: [...(now.notes ?? []), { text: "", x: Math.round(x), y: Math.round(y), color: "yellow" }] })),
    };
  }, [change, select, latest]);
}
