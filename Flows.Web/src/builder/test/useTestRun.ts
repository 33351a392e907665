import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { post, type RunView, type StepView } from "../../api/client";
import { startTest } from "../../api/testing";
import { isFinal, stepToneOf, wordOf } from "../../runs/status";
import { useLiveRun } from "../../runs/useLiveRun";
import { duration } from "../../ui/format";
import { text } from "../../text";
import type { StepNote } from "../Canvas";

export type TestedStep = StepView & { pinned?: boolean };

export interface TestRun {
  run: RunView | null;
  steps: TestedStep[];
  /** The step that the run was started for; null for the whole flow. */
  target: string | null;
  isLive: boolean;
  isStarting: boolean;
  error: Error | null;
  start: (payload: unknown, how?: { step?: string; only?: boolean; pinned?: boolean }) => Promise<boolean>;
  cancel: () => void;
  /** Takes the marks of the run off the canvas. */
  clear: () => void;
  notes: ReadonlyMap<string, StepNote>;
}

/** A test run of the draft, followed while it lasts: the draft is saved first, so that what is seen is what runs. */
export function useTestRun(flowId: string, save: () => Promise<boolean>, onFinished: () => void): TestRun {
  const client = useQueryClient();
  const [started, setStarted] = useState<{ id: string; target: string | null } | null>(null);
  const [isStarting, setStarting] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const id = started?.id ?? "";
  const { run, steps } = useLiveRun(id);
  const isLive = id !== "" && !(run.data && isFinal(run.data.status));
  const finished = useRef(onFinished);
  finished.current = onFinished;
  const isOver = id !== "" && !isLive;
  useEffect(() => {
    if (isOver) finished.current();
  }, [isOver, id]);

  const start = useCallback<TestRun["start"]>(
    async (payload, how = {}) => {
      setStarting(true);
      setError(null);
      try {
        if (!(await save())) throw new Error(text.build.notSaved);
        const accepted = await startTest(flowId, payload, how);
        // Known to be under way, it is listened to at once.
        client.setQueryData<RunView>(["run", accepted.id], accepted);
        setStarted({ id: accepted.id, target: how.step ?? null });
        return true;
      } catch (failed) {
        setError(failed as Error);
        return false;
      } finally {
        setStarting(false);
      }
    },
    [client, flowId, save],
  );
  const cancel = useCallback(() => {
    if (id) void post(`api/v1/runs/${id}/cancel`).then(() => client.invalidateQueries({ queryKey: ["run", id] }), setError);
  }, [id, client]);
  const clear = useCallback(() => {
    setStarted(null);
    setError(null);
  }, []);
  // What is kept of the run before would be shown for a moment as if it were this one's.
  const lines = useMemo<TestedStep[]>(() => (id === "" ? [] : (steps.data ?? [])), [id, steps.data]);
  const notes = useMemo(() => notesOf(lines, id === "" ? null : (run.data ?? null)), [lines, id, run.data]);
  return { run: id === "" ? null : (run.data ?? null), steps: lines, target: started?.target ?? null, isLive, isStarting, error: error ?? run.error, start, cancel, clear, notes };
}

function notesOf(steps: TestedStep[], run: RunView | null): ReadonlyMap<string, StepNote> {
  const notes = new Map<string, StepNote>();
  if (!run) return notes;
  notes.set("trigger", { tone: "good" });
  const byName = new Map<string, TestedStep[]>();
  for (const step of steps) byName.set(step.name, [...(byName.get(step.name) ?? []), step]);
  for (const [name, lines] of byName) {
    const worst = lines.find((line) => line.status === "Failed") ?? lines.find((line) => line.status === "Running" || line.status === "Paused") ?? (lines[0] as TestedStep);
    const spent = duration(lines.reduce((sum, line) => sum + Number(line.durationMs ?? 0), 0));
    const word = worst.pinned ? text.build.pinnedUsed : worst.status === "Succeeded" ? "" : worst.status;
    notes.set(name, { tone: stepToneOf(worst.status), text: [lines.length > 1 ? text.build.times(lines.length) : "", word, worst.pinned ? "" : spent].filter(Boolean).join(" · ") });
  }
  return notes;
}

/** How the run ended or stands, in words for a screen reader too. */
export const statusWords = (run: RunView) => wordOf(run.status);
