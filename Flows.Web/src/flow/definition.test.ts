import { describe, expect, it } from "vitest";
import { copyStep, findStep, freeName, insertStep, loopsAround, moveStep, placeBeside, placeOfProblem, removeStep, renameStep, stepsBefore, walk, type Definition, type Step } from "./definition";
import { layOut } from "./layout";
import { begin, push, redo, undo } from "./history";

const action = (name: string, input: unknown = {}): Step => ({ name, kind: "action", piece: "data", action: "set", input });
const flow = (): Definition => ({
  schema: 1,
  trigger: { piece: "webhook", event: "catch", input: {} },
  steps: [
    action("a", { value: "{{trigger.body.n}}" }),
    { name: "size", kind: "router", branches: [{ name: "Big", when: "{{a.n > 1}}", steps: [action("big")] }, { name: "Otherwise", otherwise: true, steps: [] }] },
    { name: "each", kind: "loop", items: "{{a.items}}", steps: [action("inner", { value: "{{each.item}} {{a.n}} 'a' {{x.a}} {{f('a', a)}}" })] },
    { ...action("last", { value: "{{errors.a}} {{resumeUrl('a')}}" }), onError: { steps: [action("sorry")] } },
  ],
});
const names = (definition: Definition) => [...walk(definition.steps)].map(({ step }) => step.name);

describe("changing a flow", () => {
  it("walks outer steps before inner ones", () => {
    expect(names(flow())).toEqual(["a", "size", "big", "each", "inner", "last", "sorry"]);
  });
  it("inserts into the flow, a branch, a loop and a failure branch", () => {
    expect(names(insertStep(flow(), { list: { in: "flow" }, index: 1 }, action("new")))[1]).toBe("new");
    const inBranch = insertStep(flow(), { list: { in: "branch", step: "size", branch: 1 }, index: 0 }, action("new"));
    expect(findStep(inBranch, "size")?.step.branches?.[1]?.steps.map((step) => step.name)).toEqual(["new"]);
    const inLoop = insertStep(flow(), { list: { in: "loop", step: "each" }, index: 1 }, action("new"));
    expect(findStep(inLoop, "each")?.step.steps?.map((step) => step.name)).toEqual(["inner", "new"]);
    expect(findStep(insertStep(flow(), { list: { in: "failure", step: "last" }, index: 0 }, action("new")), "new")?.place.list).toEqual({ in: "failure", step: "last" });
  });
  it("removes a step with all that is in it", () => {
    expect(names(removeStep(flow(), "size"))).toEqual(["a", "each", "inner", "last", "sorry"]);
  });
  it("moves a step down its own list and into a branch, but never into itself", () => {
    expect(flow().steps.length).toBe(4);
    expect(moveStep(flow(), "a", { list: { in: "flow" }, index: 4 }).steps.map((step) => step.name)).toEqual(["size", "each", "last", "a"]);
    expect(findStep(moveStep(flow(), "a", { list: { in: "branch", step: "size", branch: 0 }, index: 0 }), "size")?.step.branches?.[0]?.steps.map((step) => step.name)).toEqual(["a", "big"]);
    const same = flow();
    expect(moveStep(same, "each", { list: { in: "loop", step: "each" }, index: 0 })).toBe(same);
  });
  it("renames a step and every reference to it, but no text and no field of that name", () => {
    const renamed = renameStep(flow(), "a", "order");
    expect(findStep(renamed, "size")?.step.branches?.[0]?.when).toBe("{{order.n > 1}}");
    expect(findStep(renamed, "inner")?.step.input).toEqual({ value: "{{each.item}} {{order.n}} 'a' {{x.a}} {{f('a', order)}}" });
    expect(findStep(renamed, "last")?.step.input).toEqual({ value: "{{errors.order}} {{resumeUrl('order')}}" });
  });
  it("copies a step with all in it under free names, and its inner references follow", () => {
    const definition = flow();
    const copy = copyStep(definition, definition.steps[2] as Step);
    expect(copy.name).toBe("each_2");
    expect(copy.steps?.[0]?.name).toBe("inner_2");
    expect((copy.steps?.[0]?.input as { value: string }).value).toContain("{{each_2.item}}");
  });
  it("makes names that the language takes", () => {
    expect(freeName(flow(), "Send e-mail!")).toBe("send_e_mail");
    expect(freeName(flow(), "a")).toBe("a_2");
    expect(freeName(flow(), "trigger")).toBe("trigger_2");
    expect(freeName(flow(), "42")).toBe("step");
  });
});

describe("what a step can see", () => {
  it("is what comes before it, nearest first, and the loop around it", () => {
    expect(stepsBefore(flow(), "inner").map((step) => step.name)).toEqual(["each", "size", "a"]);
    expect(stepsBefore(flow(), "big").map((step) => step.name)).toEqual(["a"]);
    expect(stepsBefore(flow(), "last").map((step) => step.name)).toEqual(["each", "size", "a"]);
  });
});

describe("moving by one", () => {
  it("goes past the neighbour, out of a list at its ends, and nowhere at the ends of the flow", () => {
    expect(placeBeside(flow(), "each", -1)).toEqual({ list: { in: "flow" }, index: 1 });
    expect(moveStep(flow(), "a", placeBeside(flow(), "a", 1) as never).steps.map((step) => step.name)).toEqual(["size", "a", "each", "last"]);
    expect(placeBeside(flow(), "big", -1)).toEqual({ list: { in: "flow" }, index: 1 });
    expect(placeBeside(flow(), "inner", 1)).toEqual({ list: { in: "flow" }, index: 3 });
    expect(placeBeside(flow(), "a", -1)).toBeNull();
    expect(placeBeside(flow(), "last", 1)).toBeNull();
  });
  it("knows the loops around a step", () => {
    expect(loopsAround(flow(), "inner").map((step) => step.name)).toEqual(["each"]);
    expect(loopsAround(flow(), "big")).toEqual([]);
  });
});

describe("a problem's path", () => {
  it("names the innermost step and the field in it", () => {
    expect(placeOfProblem(flow(), "$.steps[1].branches[0].steps[0].input.value")).toEqual({ step: "big", field: "input.value" });
    expect(placeOfProblem(flow(), "$.steps[1].branches[0].when")).toEqual({ step: "size", field: "branches[0].when" });
    expect(placeOfProblem(flow(), "$.trigger.input")).toEqual({ step: null, field: "trigger.input" });
  });
});

describe("the layout", () => {
  it("has every step once and no two boxes on top of each other", () => {
    const boxes = layOut(flow()).steps;
    expect(boxes.map((box) => box.id).sort()).toEqual(["trigger", ...names(flow())].sort());
    for (const [index, box] of boxes.entries())
      for (const other of boxes.slice(index + 1)) expect(Math.abs(box.x - other.x) >= 260 || Math.abs(box.y - other.y) >= 64).toBe(true);
  });
  it("offers a place to add in every list", () => {
    const places = layOut(flow()).adds.map((add) => JSON.stringify(add.place.list));
    expect(new Set(places).size).toBe(5);
  });
});

describe("the history", () => {
  it("goes back and forth, and a change ends what could be redone", () => {
    const history = push(push(begin(1), 2), 3);
    expect(undo(history).present).toBe(2);
    expect(redo(undo(history)).present).toBe(3);
    expect(redo(push(undo(history), 4)).present).toBe(4);
    expect(push(history, 9, true).past).toEqual(history.past);
  });
});
