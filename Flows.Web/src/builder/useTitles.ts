import { useCallback } from "react";
import type { Definition, Step } from "../flow/definition";
import { text } from "../text";
import type { usePieces } from "./usePieces";

export type Titles = (step: Step | null) => { title: string; kind: string };

const kinds: Record<string, string> = text.build.kinds;

/** What the boxes of a flow are called; null is its trigger. */
export function useTitles(pieces: ReturnType<typeof usePieces>): (definition: Pick<Definition, "trigger">) => Titles {
  return useCallback(
    ({ trigger }) =>
      (step) => {
        if (!step) return { title: pieces.byName.get(trigger.piece)?.triggers.find((event) => event.name === trigger.event)?.title ?? trigger.piece, kind: text.builder.trigger };
        if (step.kind !== "action") return { title: step.title ?? step.name, kind: kinds[step.kind] ?? step.kind };
        const piece = pieces.byName.get(step.piece ?? "");
        return { title: step.title ?? step.name, kind: `${piece?.title ?? step.piece}: ${piece?.actions.find((item) => item.name === step.action)?.title ?? step.action}` };
      },
    [pieces],
  );
}
