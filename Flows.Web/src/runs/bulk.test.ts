import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { actOn, collect, type BulkProgress } from "./bulk";

const calls: { path: string; body: { ids?: string[] } | null }[] = [];
let answer: (path: string, body: { ids?: string[] } | null) => unknown;

beforeEach(() => {
  calls.length = 0;
  vi.stubGlobal("document", { baseURI: "http://flows/" });
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const body = init.body ? (JSON.parse(init.body as string) as { ids?: string[] }) : null;
    calls.push({ path: new URL(url).pathname + new URL(url).search, body });
    return new Response(JSON.stringify(answer(url, body)));
  });
});
afterEach(() => vi.unstubAllGlobals());

const ids = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `run-${from + index}`);
const all = (path: string, body: { ids?: string[] } | null) => ({ done: body?.ids?.map((runId) => ({ runId, nowRunId: runId })), refused: [], more: false, path });

test("many runs are acted on a hundred at a time, and each hundred is told", async () => {
  answer = (path, body) => (body?.ids?.includes("run-100") ? { done: [], refused: [{ runId: "run-100", detail: "It is over." }], more: false } : all(path, body));
  const told: BulkProgress[] = [];
  const end = await actOn("cancel", ids(230), new AbortController().signal, (progress) => told.push(progress));
  expect(calls.map((call) => [call.path, call.body?.ids?.length])).toEqual([["/api/v1/runs/cancel", 100], ["/api/v1/runs/cancel", 100], ["/api/v1/runs/cancel", 30]]);
  expect(told.map((progress) => progress.done + progress.refused)).toEqual([0, 100, 101, 131]);
  expect(end).toEqual({ done: 130, refused: 1, total: 230, why: "It is over." });
});

test("it stops between two calls when it is told to", async () => {
  answer = all;
  const stop = new AbortController();
  await actOn("retry", ids(500), stop.signal, (progress) => progress.done >= 200 && stop.abort());
  expect(calls).toHaveLength(2);
});

test("all that match are read page by page, and only those for which it can be done are taken", async () => {
  answer = (path) => ({ items: ids(2, path.includes("cursor=a") ? 2 : 0).map((id, index) => ({ id, status: index === 0 ? "Failed" : "Succeeded" })), nextCursor: path.includes("cursor=a") ? null : "a" });
  const found: number[] = [];
  const picked = await collect("retry", (cursor) => `api/v1/runs?cursor=${cursor ?? ""}`, new AbortController().signal, (count) => found.push(count));
  expect(picked).toEqual(["run-0", "run-2"]);
  expect(found).toEqual([1, 2]);
});
