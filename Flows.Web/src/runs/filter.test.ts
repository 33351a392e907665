import { expect, test } from "vitest";
import type { StepView } from "../api/client";
import { apiQuery, canSearch, chartQuery, readFilter, runIdIn } from "./filter";
import { pair } from "./pairs";

const now = new Date("2026-03-10T12:00:00.000Z").getTime();

test("a range goes back from now, and a time of one's own is taken as it is", () => {
  const range = readFilter(new URLSearchParams("status=Failed,TimedOut&since=7d&to=2020-01-01T00:00:00Z"));
  expect(new URLSearchParams(apiQuery(range, now, { limit: 50, cursor: null }))).toEqual(new URLSearchParams("status=Failed,TimedOut&from=2026-03-03T12:00:00.000Z&limit=50"));
  const own = readFilter(new URLSearchParams("from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&tag=shop"));
  expect(new URLSearchParams(apiQuery(own, now))).toEqual(new URLSearchParams("tag=shop&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"));
});

test("what somebody has written into the address and is no time is left out", () => {
  expect(readFilter(new URLSearchParams("since=5y&from=yesterday&to=<script>"))).toMatchObject({ since: "", from: "", to: "" });
});

test("the chart never asks for more than 31 days, nor for none", () => {
  const of = (search: string) => {
    const asked = new URLSearchParams(chartQuery(readFilter(new URLSearchParams(search)), now, 48));
    return new Date(asked.get("to") as string).getTime() - new Date(asked.get("from") as string).getTime();
  };
  expect(of("")).toBe(86_400_000);
  expect(of("from=2020-01-01T00:00:00Z")).toBe(31 * 86_400_000);
  expect(of("from=2026-03-09T00:00:00Z&to=2026-03-01T00:00:00Z")).toBe(1000);
});

test("an id that is pasted is one, and an error's text is none", () => {
  expect(runIdIn(" 01A21AE3-c935-7f52-80dd-b0bf2dca05ea ")).toBe("01a21ae3-c935-7f52-80dd-b0bf2dca05ea");
  expect(runIdIn("timeout of 01a21ae3-c935-7f52-80dd-b0bf2dca05ea")).toBeNull();
});

test("a text is searched for when it has three letters or digits in a row, as the API wants it", () => {
  expect(["", " ", "503", "no answer", "größe", "通信エラー"].map(canSearch)).toEqual([true, true, true, true, true, true]);
  expect(["x", "50", "ab cd", "a-b-c", "%%%"].map(canSearch)).toEqual([false, false, false, false, false]);
});

test("steps of two runs are paired by their paths; times make no difference", () => {
  const line = (path: string, output: unknown, durationMs: number) => ({ path, status: "Succeeded", output, input: null, error: null, durationMs }) as unknown as StepView;
  const pairs = pair([line("a", 1, 5), line("b", 1, 5), line("c", 1, 5)], [line("a", 1, 9), line("x", 1, 9), line("b", 2, 9)]);
  expect(pairs.map(({ path, isDifferent, left, right }) => [path, isDifferent, Boolean(left), Boolean(right)])).toEqual([
    ["a", false, true, true],
    ["x", true, false, true],
    ["b", true, true, true],
    ["c", true, true, false],
  ]);
});
