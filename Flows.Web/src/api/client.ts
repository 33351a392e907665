import { text } from "../text";
import { addressOf, callerHeaders } from "./caller";
import { dropEarly, takeEarly } from "./early";
import type { components } from "./schema";

export { addressOf, bringsSession, callerHeaders, chosenProject, credentials, query } from "./caller";

export type Schemas = components["schemas"];
export type FlowView = Schemas["FlowView"];
export type RunView = Schemas["RunView"];
export type StepView = Schemas["StepView"];
export type RunStatus = Schemas["RunStatus"];
export type PieceDescription = Schemas["PieceDescription"];
export type PropDescription = Schemas["PropDescription"];
export type DefinitionProblem = Schemas["DefinitionProblem"];

/** What the API answered instead of a result: its ProblemDetails, or the lack of any answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly problem: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** The API could not be reached, or says that it is not ready: trying again may help. */
  get isAway() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export interface Answer<T> {
  body: T;
  etag: string | null;
}

let onSignedOut: () => void = () => {};
export const whenSignedOut = (listener: () => void) => {
  onSignedOut = listener;
};

let isAway = false;
const watchers = new Set<() => void>();

function setAway(next: boolean) {
  if (next === isAway) return;
  isAway = next;
  for (const watcher of watchers) watcher();
}

/** Whether the last call found the API away: it could not be reached, or was not ready. */
export const away = {
  get: () => isAway,
  watch: (watcher: () => void) => {
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  },
};

export async function call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Answer<T>> {
  const isText = typeof body === "string";
  let response: Response;
  try {
    response = await ((method === "GET" && takeEarly(path)) || fetch(addressOf(path), {
      method,
      signal: signal ?? AbortSignal.timeout(60_000),
      headers: {
        accept: "application/json",
        ...callerHeaders(method),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : isText ? body : JSON.stringify(body),
    }));
  } catch (error) {
    if (signal?.aborted) throw error;
    setAway(true);
    throw new ApiError(0, text.errors.cannotReach);
  }
  const content = await response.text();
  // A part that is not ready, such as the queue, says 503 for itself; only who cannot even say who is asking is away.
  if (response.status !== 503 || path === "api/v1/me") setAway(response.status >= 502 && response.status <= 504);
  let parsed: unknown = undefined;
  try {
    parsed = content === "" ? undefined : JSON.parse(content);
  } catch {
    if (response.ok) throw new ApiError(response.status, text.errors.notJson);
  }
  if (response.ok) return { body: parsed as T, etag: response.headers.get("etag") };
  if (response.status === 401) {
    dropEarly();
    onSignedOut();
  }
  const problem = (parsed ?? {}) as Record<string, unknown>;
  throw new ApiError(response.status, String(problem.detail ?? problem.title ?? text.errors.answered(response.status)), problem);
}

export const get = async <T>(path: string, signal?: AbortSignal) => (await call<T>("GET", path, undefined, {}, signal)).body;
export const post = async <T>(path: string, body?: unknown) => (await call<T>("POST", path, body)).body;
export const put = async <T>(path: string, body?: unknown) => (await call<T>("PUT", path, body)).body;
export const patch = async <T>(path: string, body?: unknown) => (await call<T>("PATCH", path, body)).body;
export const del = async (path: string) => (await call<undefined>("DELETE", path)).body;

/** Fetches a file with the caller's credentials, which a plain link would not bring along, and lets the browser save it. */
export async function download(path: string, name: string): Promise<void> {
  const response = await fetch(addressOf(path), { headers: callerHeaders("GET"), signal: AbortSignal.timeout(300_000) }).catch(() => null);
  if (!response) throw new ApiError(0, text.errors.cannotReach);
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    throw new ApiError(response.status, String(problem.detail ?? problem.title ?? text.errors.answered(response.status)), problem);
  }
  save(await response.blob(), name);
}

export function save(content: Blob, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
