import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { previewExpressions, type SampleData } from "../../api/testing";
import { loopsAround, stepsBefore, type Definition, type Step } from "../../flow/definition";
import { PreviewBoard } from "../previewBoard";
import type { DataSource } from "../fields/sources";
import { triggerName, type Samples } from "./useSamples";

/** What the expressions of the selected step may name, as trees to pick from and as data to try them on. */
export function useStepData(definition: Definition | null, selected: string | null, samples: Samples, titleOf: (step: Step | null) => string): { sources: DataSource[]; board: PreviewBoard } {
  const [board] = useState(() => new PreviewBoard(previewExpressions));
  useEffect(() => () => board.close(), [board]);
  const isStep = definition !== null && selected !== null && selected !== triggerName;
  const before = useSame(useMemo(() => (isStep ? stepsBefore(definition, selected) : []), [definition, isStep, selected]));
  const loops = useSame(useMemo(() => (isStep ? loopsAround(definition, selected) : []), [definition, isStep, selected]));
  // A keystroke in a step makes new objects of it and of all around it; the data are others only when there are other steps, lists or samples.
  const names = before.filter((step) => !loops.includes(step)).map((step) => step.name).join(" ");
  const lists = JSON.stringify(loops.map((loop) => [loop.name, loop.items]));
  const outer = useMemo<SampleData>(() => {
    const steps: Record<string, unknown> = {};
    for (const name of names.split(" ").filter(Boolean)) steps[name] = samples.of(name)?.output ?? null;
    return { trigger: samples.of(triggerName)?.output ?? null, steps };
  }, [names, samples]);
  const items = useQuery({
    queryKey: ["loop items", lists, loops.length > 0 ? outer : null],
    enabled: loops.length > 0,
    staleTime: Infinity,
    retry: false,
    queryFn: ({ signal }) => firstItems(loops, outer, signal),
    placeholderData: (kept) => kept,
  });
  const data = useMemo<SampleData>(() => {
    const around = (JSON.parse(lists) as [string, unknown][]).map(([name]) => [name, items.data?.[name] ?? { item: null, index: 0 }]);
    return around.length === 0 ? outer : { ...outer, loop: Object.fromEntries(around) as NonNullable<SampleData["loop"]> };
  }, [outer, lists, items.data]);
  useEffect(() => board.setContext(data), [board, data]);
  const sources = useMemo<DataSource[]>(
    () =>
      isStep
        ? [
            ...before.map((step) => ({ path: step.name, title: titleOf(step), sample: loops.includes(step) ? data.loop?.[step.name] : samples.of(step.name)?.output })),
            { path: triggerName, title: titleOf(null), sample: samples.of(triggerName)?.output },
          ]
        : [],
    [isStep, before, loops, data, samples, titleOf],
  );
  return useMemo(() => ({ sources, board }), [sources, board]);
}

/** The list of the time before where the same is in it: a keystroke in a step changes none of those before it. */
function useSame<T>(list: T[]): T[] {
  const kept = useRef(list);
  if (kept.current.length !== list.length || kept.current.some((item, at) => item !== list[at])) kept.current = list;
  return kept.current;
}

/** The first item of each loop around a step, the outermost first, because an inner list may be made of the outer item. */
async function firstItems(loops: Step[], outer: SampleData, signal: AbortSignal): Promise<Record<string, { item: unknown; index: number }>> {
  const found: Record<string, { item: unknown; index: number }> = {};
  for (const loop of loops) {
    let list: unknown = loop.items;
    if (typeof list === "string") list = (await previewExpressions({ items: list }, { ...outer, loop: found }, signal)).items?.value;
    found[loop.name] = { item: Array.isArray(list) ? ((list[0] as unknown) ?? null) : null, index: 0 };
  }
  return found;
}
