import { useEffect } from "react";
import { walk, type Definition } from "../flow/definition";
import { useLatest } from "../ui/ui";
import type { Editing } from "./useEditing";

interface Shortcuts {
  definition: Definition | null;
  selected: string | null;
  editing: Editing;
  select: (name: string | null) => void;
  undo: () => void;
  redo: () => void;
  save: () => void;
  add: () => void;
  addInside: () => void;
  addNote: () => void;
  test: () => void;
  publish: () => void;
  help: () => void;
}

/** The keys of the builder. They are silent while something is typed or a dialog is open; single letters work on the canvas only. */
export function useShortcuts(shortcuts: Shortcuts) {
  const latest = useLatest(shortcuts);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const now = latest.current;
      const target = event.target as HTMLElement;
      if (event.key === "Escape" && !event.defaultPrevented && target.closest(".panel") && !target.closest(".code-editor")) {
        focusStep(now.selected);
        return;
      }
      if (target.closest("input, textarea, select, [contenteditable], [role=dialog], [role=menu]")) {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s" && !target.closest("[role=dialog]")) {
          event.preventDefault();
          now.save();
        }
        return;
      }
      const action = actionOf(event, now, target);
      if (!action) return;
      event.preventDefault();
      action();
    };
    const onCopy = (event: ClipboardEvent) => {
      const { selected, editing } = latest.current;
      if (isTyping(event.target) || !selected || window.getSelection()?.toString()) return;
      const content = editing.copied(selected);
      if (!content) return;
      event.preventDefault();
      event.clipboardData?.setData("text/plain", content);
    };
    const onPaste = (event: ClipboardEvent) => {
      if (isTyping(event.target)) return;
      if (latest.current.editing.paste(event.clipboardData?.getData("text/plain") ?? "")) event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    document.addEventListener("copy", onCopy);
    document.addEventListener("paste", onPaste);
    return () => {
      window.removeEventListener("keydown", onKey);
      document.removeEventListener("copy", onCopy);
      document.removeEventListener("paste", onPaste);
    };
  }, [latest]);
}

const isTyping = (target: EventTarget | null) => target instanceof Element && target.closest("input, textarea, select, [contenteditable], [role=dialog]") !== null;

function actionOf(event: KeyboardEvent, now: Shortcuts, target: HTMLElement): (() => void) | null {
  const { selected, editing } = now;
  const key = event.key.toLowerCase();
  const step = selected !== null && selected !== "trigger" ? selected : null;
  if (event.ctrlKey || event.metaKey) {
    switch (key) {
      case "z":
        return event.shiftKey ? now.redo : now.undo;
      case "y":
        return now.redo;
      case "s":
        return now.save;
      case "d":
        return step ? () => editing.duplicate(step) : null;
      case "enter":
        return now.publish;
      default:
        return null;
    }
  }
  if (event.altKey && (key === "arrowup" || key === "arrowdown")) {
    if (!step) return null;
    return () => {
      editing.moveBy(step, key === "arrowup" ? -1 : 1);
      focusStep(step);
    };
  }
  if (event.altKey) return null;
  switch (key) {
    case "delete":
    case "backspace":
      return step ? () => editing.remove(step) : null;
    case "escape":
      return selected ? () => now.select(null) : null;
    case "?":
      return now.help;
  }
  const isOnCanvas = target === document.body || target.closest(".canvas") !== null;
  if (!isOnCanvas) return null;
  switch (key) {
    case "arrowdown":
    case "arrowup":
      return () => {
        const next = neighbour(now.definition, target.closest<HTMLElement>("[data-step]")?.dataset.step ?? selected, key === "arrowdown" ? 1 : -1);
        if (!next) return;
        now.select(next);
        focusStep(next);
      };
    case "a":
    case "insert":
      return event.shiftKey ? now.addInside : now.add;
    case "n":
      return now.addNote;
    case "t":
      return now.test;
    default:
      return null;
  }
}

/** The step before or after in the order of reading: into lanes and out of them. */
function neighbour(definition: Definition | null, from: string | null, by: 1 | -1): string | null {
  if (!definition) return null;
  const all = ["trigger", ...[...walk(definition.steps)].map(({ step }) => step.name)];
  const at = from === null ? -1 : all.indexOf(from);
  return all[Math.max(0, Math.min(all.length - 1, at === -1 ? 0 : at + by))] ?? null;
}

const mostFrames = 60;

/** Puts the focus on the box of a step, as soon as it is in the page: in a large flow only boxes in sight are. */
export function focusStep(name: string | null, frames = mostFrames) {
  if (name === null) return;
  requestAnimationFrame(() => {
    // Whoever has opened a dialog in the meantime types there.
    if (document.querySelector("[role=dialog]")) return;
    const box = document.querySelector<HTMLElement>(`.canvas [data-step="${CSS.escape(name)}"]`);
    if (box) box.focus({ preventScroll: true });
    else if (frames > 0) focusStep(name, frames - 1);
  });
}

/** Puts the focus into the panel, on the first thing to fill in. */
export function focusPanel(frames = mostFrames) {
  requestAnimationFrame(() => {
    const panel = document.querySelector(".panel");
    const first = panel?.querySelector<HTMLElement>(".field input:not([readonly]), .field select, .field textarea, .test-actions button:not([disabled])") ?? panel?.querySelector<HTMLElement>("[role=tab]");
    if (first) first.focus();
    else if (frames > 0) focusPanel(frames - 1);
  });
}
