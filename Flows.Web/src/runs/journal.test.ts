import { expect, test } from "vitest";
import type { RunView, StepView } from "../api/client";
import { filesIn, itemsAround, itemsOf, linesIn, pathOfFile, spansOf, withTold } from "./journal";

const line = (path: string, more: Partial<StepView> = {}): StepView =>
  ({ path, name: path.split(".").pop(), kind: "code", status: "Succeeded", attempt: 1, startedAt: "2026-01-01T00:00:01.000Z", durationMs: 10, input: null, output: null, error: null, effect: "Pure", ...more }) as StepView;

test("the items around a line are read from its path, outer first", () => {
  expect(itemsAround("fetch")).toEqual([]);
  expect(itemsAround("each[3].send")).toEqual([{ loop: "each", index: 3 }]);
  expect(itemsAround("outer[2].route:VIP.inner[0].send")).toEqual([
    { loop: "outer", index: 2 },
    { loop: "outer[2].route:VIP.inner", index: 0 },
  ]);
});

test("a chosen item shows its own lines, what lies outside of the loop, and nothing of its other items", () => {
  const lines = ["load", "each", "each[0].send", "each[1].send", "each[1].inner[0].go", "each[1].inner[1].go"].map((path) => line(path));
  expect(itemsOf(lines)).toEqual(new Map([["each", [0, 1]], ["each[1].inner", [0, 1]]]));
  expect(linesIn(lines, new Map([["each", 1]])).map((item) => item.path)).toEqual(["load", "each", "each[1].send", "each[1].inner[0].go", "each[1].inner[1].go"]);
  expect(linesIn(lines, new Map([["each", 1], ["each[1].inner", 0]])).map((item) => item.path)).toEqual(["load", "each", "each[1].send", "each[1].inner[0].go"]);
  expect(linesIn(lines, new Map())).toBe(lines);
});

test("what is told of a step changes its line and keeps its values, or makes a line in its place", () => {
  const lines = [line("a", { output: 1 as never }), line("b", { startedAt: "2026-01-01T00:00:03.000Z" })];
  const told = { path: "a", name: "a", kind: "code", status: "Failed" as const, attempt: 2, startedAt: lines[0]?.startedAt as string, durationMs: 5, error: { code: "x", message: "No." } };
  expect(withTold(lines, told)[0]).toMatchObject({ status: "Failed", attempt: 2, output: 1, error: { code: "x", message: "No." } });
  const added = withTold(lines, { ...told, path: "c", name: "c", startedAt: "2026-01-01T00:00:02.000Z", status: "Running", durationMs: null, error: null });
  expect(added.map((item) => item.path)).toEqual(["a", "c", "b"]);
});

test("the time of a run is its queue, its work and its waits, without gaps or overlaps", () => {
  const run = { createdAt: "2026-01-01T00:00:00.000Z", startedAt: "2026-01-01T00:00:01.000Z", finishedAt: "2026-01-01T00:00:10.000Z" } as RunView;
  const waits = [line("ask", { kind: "wait", startedAt: "2026-01-01T00:00:02.000Z", durationMs: 3000 }), line("also", { kind: "wait", startedAt: "2026-01-01T00:00:04.000Z", durationMs: 2000 })];
  expect(spansOf(run, waits, 0)).toEqual([
    { what: "queued", from: 0, to: 1000 },
    { what: "working", from: 1000, to: 2000 },
    { what: "waiting", from: 2000, to: 5000 },
    { what: "waiting", from: 5000, to: 6000 },
    { what: "working", from: 6000, to: 10_000 },
  ]);
  expect(spansOf({ ...run, startedAt: null, finishedAt: null }, [], new Date("2026-01-01T00:00:04.000Z").getTime())).toEqual([{ what: "queued", from: 0, to: 4000 }]);
});

test("files are found wherever they lie in a value, once each, and their run is read from their id", () => {
  const bytes = "0123456789abcdef0123456789abcdeffedcba9876543210fedcba9876543210".match(/../g) ?? [];
  const id = btoa(String.fromCharCode(...bytes.map((hex) => Number.parseInt(hex, 16)))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const file = { file: id, name: "a.pdf", type: "application/pdf", size: 3 };
  expect(filesIn({ list: [{ deep: file }, file], no: { file: 1, name: "x", type: "y", size: 2 } })).toEqual([file]);
  expect(pathOfFile(id)).toBe(`api/v1/runs/01234567-89ab-cdef-0123-456789abcdef/files/${id}`);
  expect(pathOfFile("../../me")).toBeNull();
});
