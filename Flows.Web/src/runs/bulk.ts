import { get, post, type RunStatus, type RunView, type Schemas } from "../api/client";
import { isFinal } from "./status";

export interface BulkProgress {
  done: number;
  refused: number;
  total: number;
  /** The first reason why a run was refused. */
  why: string | null;
}

/** Runs in one call: few enough that it is answered soon. */
const atOnce = 100;
const most = 10_000;

export const isFor = (what: "cancel" | "retry", status: RunStatus) => (what === "cancel" ? !isFinal(status) : status === "Failed" || status === "TimedOut" || status === "Cancelled");

/**
 * Every run that a list has, page by page, for which that can be done; at most 10,000.
 * @param path The list's address for a cursor.
 */
export async function collect(what: "cancel" | "retry", path: (cursor: string | null) => string, signal: AbortSignal, onFound: (count: number) => void): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: RunView[]; nextCursor: string | null } = await get(path(cursor), signal);
    ids.push(...page.items.filter((run) => isFor(what, run.status)).map((run) => run.id));
    onFound(ids.length);
    cursor = page.nextCursor;
  } while (cursor && ids.length < most && !signal.aborted);
  return ids.slice(0, most);
}

/** Cancels or retries runs a hundred at a time and says after each hundred how far it is. Stops between two calls when it is told to. */
export async function actOn(what: "cancel" | "retry", ids: string[], signal: AbortSignal, onProgress: (progress: BulkProgress) => void): Promise<BulkProgress> {
  let progress: BulkProgress = { done: 0, refused: 0, total: ids.length, why: null };
  onProgress(progress);
  for (let at = 0; at < ids.length && !signal.aborted; at += atOnce) {
    const part = ids.slice(at, at + atOnce);
    const result = await post<Schemas["ManyRuns"]>(`api/v1/runs/${what}`, what === "cancel" ? { ids: part } : { ids: part, from: "failed", version: "same" });
    progress = {
      ...progress,
      done: progress.done + result.done.length,
      refused: progress.refused + result.refused.length,
      why: progress.why ?? result.refused[0]?.detail ?? null,
    };
    onProgress(progress);
  }
  return progress;
}
