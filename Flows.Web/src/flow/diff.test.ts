import { describe, expect, it } from "vitest";
import type { Definition, Step } from "./definition";
import { diff, inWords, isEqual, marksOf } from "./diff";

const code = (name: string, source = "", more: Partial<Step> = {}): Step => ({ name, kind: "code", language: "javascript", source, ...more });
const flow = (steps: Step[]): Definition => ({ schema: 1, trigger: { piece: "webhook", event: "catch", input: {} }, steps });

describe("what differs between two versions", () => {
  it("is nothing between a version and itself, whatever the order of its fields", () => {
    expect(diff(flow([code("a")]), flow([{ source: "", language: "javascript", kind: "code", name: "a" }]))).toEqual([]);
    expect(inWords([])).toBe("");
  });
  it("names steps that came and went, also inner ones", () => {
    const before = flow([code("a"), { name: "each", kind: "loop", items: "{{[1]}}", steps: [code("in")] }]);
    const after = flow([code("a"), code("b"), { name: "each", kind: "loop", items: "{{[1]}}", steps: [] }]);
    const changes = diff(before, after);
    expect(changes.map(({ step, marks }) => [step, ...marks])).toEqual([["b", "added"], ["in", "removed"]]);
    expect(inWords(changes)).toBe("1 added, 1 removed");
    expect(Object.fromEntries(marksOf(changes, "before"))).toEqual({ in: "removed" });
    expect(Object.fromEntries(marksOf(changes, "after"))).toEqual({ b: "added" });
  });
  it("names each field with what it was and is", () => {
    const before = flow([code("a", "1", { input: { x: 1, deep: { y: [1, 2] } } })]);
    const after = flow([code("a", "1", { title: "A", input: { x: 1, deep: { y: [1, 3] } } })]);
    expect(diff(before, after)[0]?.fields).toEqual([{ field: "input.deep.y", from: [1, 2], to: [1, 3] }, { field: "title", from: undefined, to: "A" }]);
  });
  it("says a move within a list only of the step that was taken out of the order", () => {
    const changes = diff(flow([code("a"), code("b"), code("c"), code("d")]), flow([code("d"), code("a"), code("b"), code("c")]));
    expect(changes.map(({ step, marks }) => [step, ...marks])).toEqual([["d", "moved"]]);
  });
  it("says a move into a branch with both places, and a change beside it", () => {
    const router = (steps: Step[]): Step => ({ name: "size", kind: "router", branches: [{ name: "Big", when: "{{true}}", steps }] });
    const [change] = diff(flow([code("a"), router([])]), flow([router([code("a", "2")])]));
    expect(change).toMatchObject({ step: "a", marks: ["moved", "changed"], from: "the flow", to: "size, branch Big", fields: [{ field: "source", from: "", to: "2" }] });
  });
  it("sees the conditions of branches and the trigger", () => {
    const router = (when: string): Step => ({ name: "size", kind: "router", branches: [{ name: "Big", when, steps: [] }] });
    const after = flow([router("{{b}}")]);
    after.trigger = { ...after.trigger, input: { methods: ["GET"] } };
    const changes = diff(flow([router("{{a}}")]), after);
    expect(changes.map((change) => change.fields[0]?.field)).toEqual(["input.methods", "branch Big.when"]);
    expect(marksOf(changes, "after").get("trigger")).toBe("changed");
  });
  it("compares by content", () => {
    expect(isEqual({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
    expect(isEqual({ a: 1 }, { a: 1, b: undefined })).toBe(false);
    expect(isEqual([1], { 0: 1 })).toBe(false);
  });
});
