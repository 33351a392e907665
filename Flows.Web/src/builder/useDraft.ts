import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, call, type DefinitionProblem, type Schemas } from "../api/client";
import type { Definition } from "../flow/definition";
import { begin, push, redo, undo, type History } from "../flow/history";
import { useLatest } from "../ui/ui";

export type SaveState = "saved" | "unsaved" | "saving" | "conflict" | "failed";

const quietMs = 700;
const retryMs = 3000;

/**
 * The draft of a flow under the hands of one person: undo and redo, saved a moment after the last change, with the revision that it was
 * read at. When somebody else has saved meanwhile nothing is overwritten: the state is `conflict` until one of the two is chosen.
 * What is not saved yet is kept in this tab, and so survives a reload, also while the API is away.
 */
export function useDraft(flowId: string) {
  const [history, setHistory] = useState<History<Definition> | null>(null);
  const [state, setState] = useState<SaveState>("saved");
  const [problems, setProblems] = useState<DefinitionProblem[]>([]);
  const [error, setError] = useState<Error | null>(null);
  const etag = useRef<string | null>(null);
  const saved = useRef<Definition | null>(null);
  const isSaving = useRef(false);
  const lastField = useRef<string | null>(null);
  const kept = `flows-draft-${flowId}`;

  const load = useCallback(
    async (takeTheirs: boolean) => {
      try {
        const answer = await call<Definition>("GET", `api/v1/flows/${flowId}/draft`);
        etag.current = answer.etag;
        saved.current = answer.body;
        const mine = takeTheirs ? null : readKept(kept);
        setHistory(mine?.etag === answer.etag && mine ? mine.history : begin(answer.body));
        setState(mine?.etag === answer.etag && mine && mine.history.present !== answer.body ? "unsaved" : "saved");
        setError(null);
        const verdict = await call<Schemas["DefinitionVerdict"]>("POST", "api/v1/flows/validate", answer.body).catch(() => null);
        if (verdict) setProblems(verdict.body.problems ?? []);
      } catch (failed) {
        setError(failed as Error);
      }
    },
    [flowId, kept],
  );
  useEffect(() => {
    void load(false);
  }, [load]);

  const present = history?.present ?? null;
  const latest = useLatest({ history, state });

  const save = useCallback(
    async (force = false): Promise<boolean> => {
      const now = latest.current.history?.present;
      if (!now || isSaving.current) return false;
      if (now === saved.current && !force) return true;
      isSaving.current = true;
      setState("saving");
      try {
        const answer = await call<Schemas["DraftSaved"]>("PUT", `api/v1/flows/${flowId}/draft`, now, force || !etag.current ? {} : { "if-match": etag.current });
        etag.current = answer.etag ?? `"${answer.body.revision}"`;
        saved.current = now;
        setProblems(answer.body.problems);
        setError(null);
        const isNewest = latest.current.history?.present === now;
        setState(isNewest ? "saved" : "unsaved");
        if (isNewest) sessionStorage.removeItem(kept);
        return isNewest;
      } catch (failed) {
        const status = failed instanceof ApiError ? failed.status : 0;
        if (status === 412 || status === 409) setState("conflict");
        else {
          setState("failed");
          setError(failed as Error);
          const told = failed instanceof ApiError ? (failed.problem.problems as DefinitionProblem[] | undefined) : undefined;
          if (told) setProblems(told);
        }
        return false;
      } finally {
        isSaving.current = false;
      }
    },
    [flowId, kept, latest],
  );

  useEffect(() => {
    if (!history || state === "conflict" || state === "saving" || history.present === saved.current) return;
    keep(kept, { etag: etag.current, history });
    const timer = setTimeout(() => void save(), state === "failed" ? retryMs : quietMs);
    return () => clearTimeout(timer);
  }, [history, state, save, kept]);

  /** @param field Changes to the same field one after the other are one step back. */
  const change = useCallback((next: (definition: Definition) => Definition, field: string | null = null) => {
    setHistory((now) => (now ? push(now, next(now.present), field !== null && field === lastField.current) : now));
    lastField.current = field;
    setState((now) => (now === "conflict" ? now : "unsaved"));
  }, []);
  const step = (move: (now: History<Definition>) => History<Definition>) => {
    lastField.current = null;
    setHistory((now) => (now ? move(now) : now));
    setState((now) => (now === "conflict" ? now : "unsaved"));
  };
  return {
    definition: present,
    problems,
    state,
    error,
    change,
    undo: () => step(undo),
    redo: () => step(redo),
    canUndo: (history?.past.length ?? 0) > 0,
    canRedo: (history?.future.length ?? 0) > 0,
    save,
    keepMine: () => void save(true),
    takeTheirs: () => {
      sessionStorage.removeItem(kept);
      void load(true);
    },
    reload: () => load(true),
  };
}

interface Kept {
  etag: string | null;
  history: History<Definition>;
}

function readKept(name: string): Kept | null {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

function keep(name: string, value: Kept) {
  try {
    sessionStorage.setItem(name, JSON.stringify({ ...value, history: { ...value.history, past: value.history.past.slice(-20) } }));
  } catch {
    // The tab's storage is full: the draft is still in memory and on its way to the API.
  }
}
