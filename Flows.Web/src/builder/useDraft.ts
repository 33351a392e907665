import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, call, type DefinitionProblem, type Schemas } from "../api/client";
import type { Definition } from "../flow/definition";
import { isEqual } from "../flow/diff";
import { begin, push, redo, undo, type History } from "../flow/history";
import { text } from "../text";
import { useLatest } from "../ui/ui";

/** `invalid`: the API takes no draft with these problems; it is saved as soon as they are mended. */
export type SaveState = "saved" | "unsaved" | "saving" | "conflict" | "failed" | "invalid";

/** Somebody else has changed the draft since it was read here: nothing was done, and the state is `conflict`. */
export class DraftConflict extends Error {
  constructor() {
    super(text.builder.conflict);
  }
}

const quietMs = 700;
const retryMs = 3000;
const keepMs = 200;

/**
 * The draft of a flow under the hands of one person: undo and redo, saved a moment after the last change, with the revision that it was
 * read at. When somebody else has saved meanwhile nothing is overwritten: the state is `conflict` until one of the two is chosen.
 * What is not saved yet is kept in this tab with the steps back, and so survives a reload, also while the API is away.
 */
export function useDraft(flowId: string) {
  const [history, setHistory] = useState<History<Definition> | null>(null);
  const [state, setState] = useState<SaveState>("saved");
  const [problems, setProblems] = useState<DefinitionProblem[]>([]);
  const [error, setError] = useState<Error | null>(null);
  const [ended, setEnded] = useState(0);
  const etag = useRef<string | null>(null);
  const saved = useRef<Definition | null>(null);
  const isSaving = useRef(false);
  const isContested = useRef(false);
  const lastField = useRef<string | null>(null);
  const kept = `flows-draft-${flowId}`;

  const latest = useLatest({ history });

  const load = useCallback(
    async (how: "open" | "takeTheirs" | "goOn") => {
      try {
        const answer = await call<Definition>("GET", `api/v1/flows/${flowId}/draft`);
        etag.current = answer.etag;
        const mine = how === "open" ? readKept(kept) : null;
        const isMine = mine !== null && mine.etag === answer.etag;
        const isUnsaved = isMine && !isEqual(mine.history.present, answer.body);
        // What is shown is the kept object when it says the same, so that it counts as saved.
        const present = isMine ? mine.history.present : answer.body;
        saved.current = isUnsaved ? answer.body : present;
        lastField.current = null;
        const now = latest.current.history;
        const next = isMine ? mine.history : how === "goOn" && now ? push(now, present) : begin(present);
        isContested.current = false;
        setHistory(next);
        if (how === "goOn") keep(kept, { etag: answer.etag, history: next });
        setState(isUnsaved ? "unsaved" : "saved");
        setError(null);
        const verdict = await call<Schemas["DefinitionVerdict"]>("POST", "api/v1/flows/validate", answer.body).catch(() => null);
        if (verdict) setProblems(verdict.body.problems ?? []);
      } catch (failed) {
        setError(failed as Error);
      }
    },
    [flowId, kept, latest],
  );
  useEffect(() => {
    void load("open");
  }, [load]);

  const present = history?.present ?? null;
  const isRefused = state === "failed" && error instanceof ApiError && error.status === 403;

  const save = useCallback(
    async (force = false): Promise<boolean> => {
      const now = latest.current.history?.present;
      if (!now || isSaving.current) return false;
      if (now === saved.current && !force) return true;
      isSaving.current = true;
      setState("saving");
      try {
        // An incomplete draft is saved as well, with what is wrong with it; publishing is what asks for a whole one.
        const answer = await call<Schemas["DraftSaved"]>("PUT", `api/v1/flows/${flowId}/draft?lax=true`, now, force || !etag.current ? {} : { "if-match": etag.current });
        etag.current = answer.etag ?? `"${answer.body.revision}"`;
        saved.current = now;
        isContested.current = false;
        setProblems(answer.body.problems);
        setError(null);
        const isNewest = latest.current.history?.present === now;
        setState(isNewest ? "saved" : "unsaved");
        if (latest.current.history) keep(kept, { etag: etag.current, history: latest.current.history });
        return isNewest;
      } catch (failed) {
        const status = failed instanceof ApiError ? failed.status : 0;
        if (status === 412 || status === 409) {
          isContested.current = true;
          setState("conflict");
        } else {
          const told = status === 400 ? problemsIn(failed as ApiError) : [];
          // Half an expression is no news to whoever is writing it: the field and the list of problems say it.
          setState(told.length > 0 ? "invalid" : "failed");
          setError(told.length > 0 ? null : (failed as Error));
          if (told.length > 0) setProblems(told);
        }
        return false;
      } finally {
        isSaving.current = false;
        // What was changed meanwhile may have had its turn already, and in vain: on a slow network saving takes longer than it waits.
        setEnded((count) => count + 1);
      }
    },
    [flowId, kept, latest],
  );

  /** Posts what is done with the draft as it is here: it is saved first, and not done when somebody else has changed it meanwhile. */
  const act = useCallback(
    async <T>(path: string, body?: unknown): Promise<T> => {
      if (isContested.current) throw new DraftConflict();
      if (!(await save())) throw isContested.current ? new DraftConflict() : new Error(text.build.notSavedYet);
      try {
        return (await call<T>("POST", `api/v1/flows/${flowId}/${path}`, body, etag.current ? { "if-match": etag.current } : {})).body;
      } catch (failed) {
        if (!(failed instanceof ApiError) || failed.status !== 412) throw failed;
        isContested.current = true;
        setState("conflict");
        throw new DraftConflict();
      }
    },
    [flowId, save],
  );

  useEffect(() => {
    if (!history || state === "conflict" || state === "saving" || state === "invalid" || history.present === saved.current) return;
    // Not at each keystroke: of a large flow that takes longer than a frame.
    const keeping = setTimeout(() => keep(kept, { etag: etag.current, history }), keepMs);
    // Whoever may not change the flow is not asked about it again until they change something.
    const timer = isRefused ? undefined : setTimeout(() => void save(), state === "failed" ? retryMs : quietMs);
    return () => {
      clearTimeout(keeping);
      clearTimeout(timer);
    };
  }, [history, state, isRefused, ended, save, kept]);
  useEffect(() => {
    const leave = () => {
      const now = latest.current.history;
      if (now && now.present !== saved.current) keep(kept, { etag: etag.current, history: now });
    };
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [kept, latest]);

  /** @param field Changes to the same field one after the other are one step back. */
  const change = useCallback((next: (definition: Definition) => Definition, field: string | null = null) => {
    setHistory((now) => (now ? push(now, next(now.present), field !== null && field === lastField.current) : now));
    lastField.current = field;
    setState((now) => (now === "conflict" ? now : "unsaved"));
  }, []);
  const step = useCallback((move: (now: History<Definition>) => History<Definition>) => {
    lastField.current = null;
    setHistory((now) => (now ? move(now) : now));
    setState((now) => (now === "conflict" ? now : "unsaved"));
  }, []);
  const back = useCallback(() => step(undo), [step]);
  const forth = useCallback(() => step(redo), [step]);
  return {
    definition: present,
    problems,
    state,
    error,
    change,
    undo: back,
    redo: forth,
    canUndo: (history?.past.length ?? 0) > 0,
    canRedo: (history?.future.length ?? 0) > 0,
    save,
    act,
    keepMine: () => void save(true),
    takeTheirs: () => {
      sessionStorage.removeItem(kept);
      void load("takeTheirs");
    },
    reload: () => load("takeTheirs"),
    /** Takes over what the API has made of the draft; what was before is one step back. */
    goOn: () => load("goOn"),
  };
}

function problemsIn(error: ApiError): DefinitionProblem[] {
  const errors = error.problem.errors;
  return Array.isArray(errors) ? (errors as { path: string; message: string }[]).map(({ path, message }) => ({ path, message, severity: "Error" }) as DefinitionProblem) : [];
}

const mostKept = 20;

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
    sessionStorage.setItem(name, JSON.stringify({ ...value, history: { ...value.history, past: value.history.past.slice(-mostKept), future: value.history.future.slice(0, mostKept) } }));
  } catch {
    // The tab's storage is full: without the steps back there is room for more; and the draft is on its way to the API.
    try {
      sessionStorage.setItem(name, JSON.stringify({ ...value, history: begin(value.history.present) }));
    } catch {
      sessionStorage.removeItem(name);
    }
  }
}
