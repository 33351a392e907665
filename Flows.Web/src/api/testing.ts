import { ApiError, call, get, query, type RunView } from "./client";

/** What a step gave, kept with the flow: for previews and for test runs. A pinned one is used instead of running the step. */
export interface Sample {
  step: string;
  output: unknown;
  pinned: boolean;
  fromRun?: string | null;
  updatedAt: string;
}

/** What started a run of the flow before. */
export interface PastEvent {
  runId: string;
  at: string;
  origin: string;
  status: RunView["status"];
  payload?: unknown;
  /** Where the payload is when it is too large to be told here. */
  payloadLarge?: unknown;
}

export interface ExpressionError {
  message: string;
  /** Of the first wrong character in the text, from 0. */
  position?: number | null;
  length?: number | null;
}

export type Evaluated = { value: unknown; type: string; error?: undefined } | { error: ExpressionError; value?: undefined };

export interface SampleData {
  trigger: unknown;
  steps: Record<string, unknown>;
  /** Inside of loops: what their names stand for there. */
  loop?: Record<string, { item: unknown; index: number }>;
}

const flowPath = (flowId: string) => `api/v1/flows/${flowId}`;

export async function readSamples(flowId: string, signal?: AbortSignal): Promise<Sample[]> {
  return (await get<{ items: Sample[] }>(`${flowPath(flowId)}/samples`, signal)).items;
}

export const keepSample = (flowId: string, step: string, output: unknown, pinned: boolean, fromRun?: string | null) =>
  call<Sample>("PUT", `${flowPath(flowId)}/samples/${encodeURIComponent(step)}`, { output, pinned, ...(fromRun ? { fromRun } : {}) });

export const dropSample = (flowId: string, step: string) => call<undefined>("DELETE", `${flowPath(flowId)}/samples/${encodeURIComponent(step)}`);

export const pastEvents = async (flowId: string, limit = 20) => (await get<{ items: PastEvent[] }>(`${flowPath(flowId)}/events${query({ limit })}`)).items;

/** @param step Up to and including this step; with `only` nothing but it, on samples of what comes before. */
export const startTest = async (flowId: string, payload: unknown, how: { step?: string; only?: boolean; pinned?: boolean }): Promise<RunView> =>
  (
    await call<RunView>(
      "POST",
      `${flowPath(flowId)}/draft/runs${query({ step: how.step, only: how.only ? "true" : undefined, pinned: how.pinned === false ? "false" : undefined })}`,
      JSON.stringify(payload ?? null),
    )
  ).body;

/** Evaluates texts with `{{ … }}` as a run would, on sample data. At most 50 at a time. */
export const previewExpressions = async (expressions: Record<string, string>, context: SampleData, signal?: AbortSignal): Promise<Record<string, Evaluated>> =>
  (await call<{ results: Record<string, Evaluated> }>("POST", "api/v1/expressions/preview", { expressions, context, variables: true }, {}, signal)).body.results;

/** The steps without a sample, of a test of one step that needs them. */
export function missingSamples(error: unknown): string[] {
  if (!(error instanceof ApiError) || error.status !== 400 || !Array.isArray(error.problem.errors)) return [];
  return (error.problem.errors as { path?: unknown; message?: unknown }[]).flatMap((item) => (item.path === "step" ? (/^There is no sample of '(\w+)'/.exec(String(item.message))?.[1] ?? []) : []));
}
