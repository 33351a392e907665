import { describe, expect, it } from "vitest";
import cases from "./conditions.cases.json";
import { toExpression, toStructure, type Structure, type Test } from "./conditions";
import { operators } from "./operators";

const one = (test: Test): Structure => ({ any: [{ all: [test] }] });

describe("a condition in rows", () => {
  // The same table is read by a test of the engine: both forms hold for the same values there.
  it.each(cases)("$expression is the same as its row", ({ rows, expression }) => {
    expect(toExpression(rows as Structure)).toBe(expression);
    expect(toStructure(expression)).toEqual(rows);
  });
  it("has a case in the table for every operator", () => {
    expect(new Set(cases.map(({ rows }) => rows.any[0]?.all[0]?.operator))).toEqual(new Set(operators.map((operator) => operator.name)));
  });
  it("takes a number that was typed as text", () => {
    expect(toExpression(one({ left: "{{a}}", operator: "number_equals", right: "5" }))).toBe("{{(a != null && number(a) == 5)}}");
  });

  it("keeps groups: any of them, all in one", () => {
    const rows: Structure = {
      any: [
        { all: [{ left: "{{a.n}}", operator: "number_greater_than", right: 5 }, { left: "{{a.city}}", operator: "text_equals", right: "Ulm" }] },
        { all: [{ left: "{{a.list}}", operator: "list_is_empty" }] },
      ],
    };
    const written = toExpression(rows);
    expect(written).toBe("{{(a.n != null && number(a.n) > 5) && lower(text(a.city ?? '')) == lower('Ulm') || length(a.list ?? []) == 0}}");
    expect(toStructure(written)).toEqual(rows);
  });
  it("puts brackets around a side that is more than a path, and takes them off again", () => {
    const rows = one({ left: "{{a || b}}", operator: "exists" });
    expect(toExpression(rows)).toBe("{{((a || b) ?? '') != ''}}");
    expect(toStructure(toExpression(rows))).toEqual(rows);
  });
  it("writes text around expressions as a template of the language", () => {
    expect(toExpression(one({ left: "No {{a.n}}", operator: "exists" }))).toBe("{{(`No ${a.n}` ?? '') != ''}}");
  });
  it("stays as it is when a side cannot be said in an expression", () => {
    expect(toExpression(one({ left: ["{{a}}"], operator: "list_contains", right: 1 }))).toBeNull();
    expect(toExpression(one({ left: "{{a}}", operator: "number_equals", right: "many" }))).toBeNull();
    expect(toExpression(one({ left: "{{a}}", operator: "unheard_of" }))).toBeNull();
  });
});

describe("an expression", () => {
  it("as people type it becomes rows", () => {
    expect(toStructure("{{ total > 5 && trigger.body.city == 'Ulm' }}")).toEqual({
      any: [{ all: [{ left: "{{total}}", operator: "number_greater_than", right: 5 }, { left: "{{trigger.body.city}}", operator: "text_equals", right: "Ulm", caseSensitive: true }] }],
    });
    expect(toStructure("{{(a == 1 && b == 2) || ok}}")).toEqual({
      any: [{ all: [{ left: "{{a}}", operator: "number_equals", right: 1 }, { left: "{{b}}", operator: "number_equals", right: 2 }] }, { all: [{ left: "{{ok}}", operator: "boolean_is_true" }] }],
    });
  });
  it("is not cut where && and || stand within a text or brackets", () => {
    expect(toStructure("{{a == 'x && y || z'}}")?.any).toHaveLength(1);
    expect(toStructure("{{a == 'it\\'s'}}")?.any[0]?.all[0]?.right).toBe("it's");
  });
  it("that rows cannot show stays an expression", () => {
    for (const other of ["{{total >= 100}}", "{{!ok}}", "{{a == b}}", "{{a ? b : c}}", "{{f(x)}}", "{{a > 1 && (b || c == 1)}}", "{{a +}}", "{{'unclosed}}", "{{a == 'x' }} {{b}}", "text", "{{a ?? b}}"])
      expect(toStructure(other), other).toBeNull();
    expect(toStructure(false)).toBeNull();
  });
  it("that is just true is a row to be filled in", () => {
    expect(toStructure("{{true}}")?.any[0]?.all).toHaveLength(1);
  });
});
