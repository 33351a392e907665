import { describe, expect, it } from "vitest";
import { pasted, stepAsText, stepFromText } from "./clipboard";
import type { Definition, Step } from "./definition";

const loop: Step = { name: "each", kind: "loop", items: "{{[1]}}", steps: [{ name: "inner", kind: "code", input: { x: "{{each.item}}" } }] };
const other: Definition = { schema: 1, trigger: { piece: "manual", event: "run" }, steps: [{ name: "each", kind: "stop" }] };

describe("a step on the clipboard", () => {
  it("comes back with all in it, under names that are free in the other flow", () => {
    expect(pasted(other, stepAsText(loop))).toMatchObject({ name: "each_2", steps: [{ name: "inner", input: { x: "{{each_2.item}}" } }] });
  });
  it("is nothing when the text is something else", () => {
    for (const text of ["", "hello", "{}", '{"flows/step":1}', '{"flows/step":1,"step":{"name":"a","kind":"unheard"}}', '{"flows/step":1,"step":{"name":"a","kind":"loop","steps":[{"name":1}]}}', "null"])
      expect(stepFromText(text), text).toBeNull();
  });
});
