import { describe, expect, it } from "vitest";
import { walk, type Definition, type Step } from "./definition";
import { overlay } from "./overlay";

const code = (name: string, more: Partial<Step> = {}): Step => ({ name, kind: "code", language: "javascript", source: "", ...more });
const flow = (...steps: Step[]): Definition => ({ schema: 1, trigger: { piece: "webhook", event: "catch", input: {} }, steps });
const loop = (name: string, ...steps: Step[]): Step => ({ name, kind: "loop", items: "{{[1]}}", steps });
const router = (name: string, branches: Record<string, Step[]>): Step => ({ name, kind: "router", branches: Object.entries(branches).map(([branch, steps]) => ({ name: branch, when: "{{true}}", steps })) });
const both = (before: Definition, after: Definition) => overlay(before, after, (name) => `${name} (gone)`);
/** The picture as text: `a each[in] size{Big[x]}`. */
const drawn = (steps: Step[]): string =>
  steps
    .map((step) => {
      const failure = typeof step.onError === "object" ? `!${drawn(step.onError.steps)}!` : "";
      if (step.kind === "loop") return `${step.name}[${drawn(step.steps ?? [])}]${failure}`;
      if (step.kind === "router") return `${step.name}{${(step.branches ?? []).map((branch) => `${branch.name}: ${drawn(branch.steps)}`).join("; ")}}${failure}`;
      return step.name + failure;
    })
    .join(" ");

describe("two versions in one picture", () => {
  it("is the version itself where nothing differs", () => {
    const version = flow(code("a"), loop("each", code("in")), router("size", { Big: [code("x")], Small: [] }));
    expect(both(version, version)).toEqual(version);
  });
  it("puts what is gone behind the neighbour that it had", () => {
    expect(drawn(both(flow(code("first"), code("a"), code("b"), code("gone"), code("c")), flow(code("a"), code("new"), code("b"), code("c"))).steps)).toBe("first a new b gone c");
  });
  it("shows a step that has moved at its new place alone", () => {
    expect(drawn(both(flow(code("a"), code("b"), loop("each")), flow(code("b"), loop("each", code("a")))).steps)).toBe("b each[a]");
    expect(drawn(both(flow(loop("each", code("a"), code("gone"))), flow(code("a"))).steps)).toBe("each[gone] a");
  });
  it("keeps what is gone inside of loops, branches and failure branches in them", () => {
    const before = flow(loop("each", code("in"), code("out")), router("size", { Big: [code("x")], Small: [code("y")] }), code("tried", { onError: { steps: [code("mend")] } }));
    const after = flow(loop("each", code("in")), router("size", { Big: [], Huge: [code("z")] }), code("tried", { onError: "stop" }));
    expect(drawn(both(before, after).steps)).toBe("each[in out] size{Big: x; Huge: z; Small (gone): y} tried!mend!");
  });
  it("keeps a branch at its name when the branches change places", () => {
    expect(drawn(both(flow(router("size", { Big: [code("x")], Small: [code("y")] })), flow(router("size", { Small: [], Big: [] }))).steps)).toBe("size{Small: y; Big: x}");
  });
  it("loses nothing of a step that has become one of another kind", () => {
    expect(drawn(both(flow(loop("each", code("in"))), flow(code("each"))).steps)).toBe("each in");
    expect(drawn(both(flow(router("size", { Big: [code("x")] })), flow(loop("size", code("y")))).steps)).toBe("size[y] x");
  });
  it("has each step of both exactly once", () => {
    const before = flow(code("a"), loop("each", router("size", { Big: [code("b"), code("c")] })), code("d"));
    const after = flow(code("d"), router("size", { Big: [code("c")], Other: [code("a")] }), code("e"));
    const names = [...walk(both(before, after).steps)].map(({ step }) => step.name);
    expect(names.toSorted()).toEqual(["a", "b", "c", "d", "e", "each", "size"]);
  });
});
