import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Evaluated, SampleData } from "../api/testing";
import { expressionsIn, PreviewBoard, replaced } from "./previewBoard";

const answers = (expressions: Record<string, string>) => Object.fromEntries(Object.entries(expressions).map(([key, text]) => [key, { value: text.toUpperCase(), type: "text" } as Evaluated]));

describe("previews of expressions", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("ask once for all fields, a moment after the last keystroke", async () => {
    const asked: Record<string, string>[] = [];
    const board = new PreviewBoard(async (expressions) => (asked.push(expressions), answers(expressions)), 250);
    let told = 0;
    board.subscribe("a", () => told++);
    board.subscribe("b", () => {});
    board.subscribe("c", () => {});
    board.setText("a", "{{t");
    board.setText("a", "{{t}}");
    board.setText("b", "{{u}}");
    board.setText("c", "plain");
    await vi.advanceTimersByTimeAsync(250);
    expect(asked).toEqual([{ a: "{{t}}", b: "{{u}}" }]);
    expect(board.resultOf("a")?.value).toBe("{{T}}");
    expect(told).toBe(1);
    board.setText("b", "{{v}}");
    await vi.advanceTimersByTimeAsync(250);
    expect(asked[1]).toEqual({ b: "{{v}}" });
  });
  it("ask everything anew for other data", async () => {
    const contexts: SampleData[] = [];
    const board = new PreviewBoard(async (expressions, context) => (contexts.push(context), answers(expressions)), 250);
    board.subscribe("a", () => {});
    board.setText("a", "{{t}}");
    await vi.advanceTimersByTimeAsync(250);
    board.setContext({ trigger: 1, steps: {} });
    await vi.advanceTimersByTimeAsync(250);
    expect(contexts.map((context) => context.trigger)).toEqual([null, 1]);
  });
  it("drop an answer that a keystroke has overtaken, and end its request", async () => {
    const waiting: { give: () => void; signal: AbortSignal }[] = [];
    const board = new PreviewBoard((expressions, _, signal) => new Promise((give) => waiting.push({ give: () => give(answers(expressions)), signal })), 250);
    board.subscribe("a", () => {});
    board.setText("a", "{{one}}");
    await vi.advanceTimersByTimeAsync(250);
    board.setText("a", "{{two}}");
    await vi.advanceTimersByTimeAsync(250);
    expect(waiting[0]?.signal.aborted).toBe(true);
    waiting[0]?.give();
    await vi.advanceTimersByTimeAsync(0);
    expect(board.resultOf("a")).toBeUndefined();
    waiting[1]?.give();
    await vi.advanceTimersByTimeAsync(0);
    expect(board.resultOf("a")?.value).toBe("{{TWO}}");
  });
  it("say why there are none, and ask again at the next change", async () => {
    let isAway = true;
    const board = new PreviewBoard(async (expressions) => {
      if (isAway) throw new Error("No worker is there.");
      return answers(expressions);
    }, 250);
    board.subscribe("a", () => {});
    board.setText("a", "{{x}}");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(board.away).toBe("No worker is there.");
    isAway = false;
    board.setText("a", "{{y}}");
    await vi.advanceTimersByTimeAsync(250);
    expect(board.away).toBeNull();
    expect(board.resultOf("a")?.value).toBe("{{Y}}");
  });
  it("are put back into the value they stand in", () => {
    const value = { n: 1, list: ["{{a}}", "b"], deep: { x: "{{c}}" } };
    expect(expressionsIn(value)).toEqual([{ path: "list[0]", text: "{{a}}" }, { path: "deep.x", text: "{{c}}" }]);
    expect(replaced(value, (path) => (path === "deep.x" ? { value: [7], type: "list" } : undefined))).toEqual({ n: 1, list: [null, "b"], deep: { x: [7] } });
  });
});
