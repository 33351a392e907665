import { describe, expect, it } from "vitest";
import { completions, fieldPath, wordAt } from "./completion";
import { withoutSample } from "./sources";
import { partsOf } from "./Highlighted";

const sources = [{ path: "order", title: "Fetch the order", sample: { body: { total: 5, "odd name": 1, lines: [{ sku: "A" }] } } }, { path: "trigger", title: "Webhook", sample: null }];
const functions = [{ name: "upper", group: "Text", signature: "upper(text)", help: "In capital letters." }];

describe("completing an expression", () => {
  it("begins within the braces only", () => {
    expect(wordAt("a {{ord", 7)).toEqual({ at: 4, word: "ord" });
    expect(wordAt("a {{ord}} b", 11)).toBeNull();
    expect(wordAt("{{", 2)).toEqual({ at: 2, word: "" });
    expect(wordAt("{{lines[0].s", 12)).toEqual({ at: 2, word: "lines[0].s" });
  });
  it("offers steps, then the fields of their samples, then functions", () => {
    expect(completions("or", sources, functions).map((choice) => choice.insert)).toEqual(["order"]);
    expect(completions("order.", sources, functions).map((choice) => choice.insert)).toEqual(["order.body"]);
    expect(completions("order.body.", sources, functions).map((choice) => choice.insert)).toEqual(["order.body.total", "order.body.lines"]);
    expect(completions("order.body.lines[0].", sources, functions).map((choice) => choice.insert)).toEqual(["order.body.lines[0].sku"]);
    expect(completions("up", sources, functions).map((choice) => choice.insert)).toEqual(["upper("]);
    expect(completions("trigger.", sources, functions)).toEqual([]);
  });
  it("writes paths that the language reads", () => {
    expect([fieldPath("a", "b", false), fieldPath("a", "odd name", false), fieldPath("a", "0", true)]).toEqual(["a.b", 'a["odd name"]', "a[0]"]);
  });
});

describe("a text that names a step without a sample", () => {
  it("says which, and is not misled by texts in quotes and fields of that name", () => {
    const known = [{ path: "a", title: "", sample: undefined }, { path: "b", title: "", sample: 1 }];
    expect(withoutSample("{{a.x + b}}", known)).toEqual(["a"]);
    expect(withoutSample("a {{b.a}} {{'a'}} {{ab}}", known)).toEqual([]);
  });
});

describe("the colours under a field", () => {
  it("are chips for what is in braces, and a line under what is wrong", () => {
    expect(partsOf("a {{b}} c").map((part) => [part.kind, part.text])).toEqual([["plain", "a "], ["chip", "{{b}}"], ["plain", " c"]]);
    expect(partsOf("{{b +}}", { message: "", position: 4, length: 1 }).map((part) => [part.kind, part.text])).toEqual([["chip", "{{b "], ["wrong", "+"], ["chip", "}}"]]);
    expect(partsOf("{{", { message: "", position: 9 })).toEqual([{ text: "{{", kind: "plain" }]);
  });
});
