import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { ApiError, get, query, type RunView, type StepView } from "../../api/client";
import { dropSample, keepSample, readSamples, type Sample } from "../../api/testing";
import type { Definition } from "../../flow/definition";
import type { usePieces } from "../usePieces";

/** What a step gives as far as it is known, and from where. */
export interface KnownSample {
  output: unknown;
  isPinned: boolean;
  from: "kept" | "run" | "description";
  runId?: string | null;
  at?: string;
}

export interface Samples {
  of: (step: string) => KnownSample | undefined;
  pinned: ReadonlySet<string>;
  keep: (step: string, output: unknown, isPinned: boolean, fromRun?: string | null) => Promise<void>;
  drop: (step: string) => Promise<void>;
  refresh: () => void;
}

export const triggerName = "trigger";

/** Samples by step name: what is kept with the flow; else what the newest run gave; for the trigger at last what its piece says. */
export function useSamples(flowId: string, definition: Definition | null, pieces: ReturnType<typeof usePieces>): Samples {
  const client = useQueryClient();
  const key = ["samples", flowId];
  const kept = useQuery({ queryKey: key, queryFn: ({ signal }) => readSamples(flowId, signal) });
  const newest = useQuery({ queryKey: ["runs", "newest", flowId], queryFn: () => newestRun(flowId) });
  const event = definition?.trigger;
  const described = pieces.byName.get(event?.piece ?? "")?.triggers.find((trigger) => trigger.name === event?.event)?.sample;
  return useMemo(() => {
    const known = new Map<string, KnownSample>();
    if (described !== undefined && described !== null) known.set(triggerName, { output: described, isPinned: false, from: "description" });
    if (newest.data) {
      const { run, steps } = newest.data;
      if (run.trigger !== null && run.trigger !== undefined) known.set(triggerName, { output: run.trigger, isPinned: false, from: "run", runId: run.id, at: run.createdAt });
      for (const step of steps) if (step.status === "Succeeded" && step.output !== undefined && step.output !== null && !step.largeOutput) known.set(step.name, { output: step.output, isPinned: false, from: "run", runId: run.id, at: step.startedAt });
    }
    for (const sample of kept.data ?? []) known.set(sample.step, { output: sample.output, isPinned: sample.pinned, from: "kept", runId: sample.fromRun, at: sample.updatedAt });
    const set = (next: (now: Sample[]) => Sample[]) => client.setQueryData<Sample[]>(["samples", flowId], (now) => next(now ?? []));
    return {
      of: (step) => known.get(step),
      pinned: new Set((kept.data ?? []).filter((sample) => sample.pinned).map((sample) => sample.step)),
      keep: async (step, output, isPinned, fromRun) => {
        await keepSample(flowId, step, output, isPinned, fromRun);
        set((now) => [...now.filter((sample) => sample.step !== step), { step, output, pinned: isPinned, fromRun, updatedAt: new Date().toISOString() }]);
      },
      drop: async (step) => {
        await dropSample(flowId, step).catch((error: unknown) => {
          // Gone already is what was wanted.
          if (!(error instanceof ApiError && error.status === 404)) throw error;
        });
        set((now) => now.filter((sample) => sample.step !== step));
      },
      refresh: () => void Promise.all([client.invalidateQueries({ queryKey: ["samples", flowId] }), client.invalidateQueries({ queryKey: ["runs", "newest", flowId] })]),
    };
  }, [described, newest.data, kept.data, client, flowId]);
}

async function newestRun(flowId: string): Promise<{ run: RunView; steps: StepView[] } | null> {
  const newest = (await get<{ items: RunView[] }>(`api/v1/runs${query({ flow: flowId, limit: 1 })}`)).items[0];
  if (!newest) return null;
  const [run, steps] = await Promise.all([get<RunView>(`api/v1/runs/${newest.id}`), get<{ items: StepView[] }>(`api/v1/runs/${newest.id}/steps?limit=200`)]);
  return { run, steps: steps.items };
}
