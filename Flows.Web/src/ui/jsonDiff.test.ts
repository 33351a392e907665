import { expect, test } from "vitest";
import { differences } from "./jsonDiff";

test("what was added, taken away and changed is named by its path", () => {
  expect(differences({ a: 1, b: { c: [1, 2] }, "odd key": true }, { a: 1, b: { c: [1, 3, 4] }, d: null })).toEqual([
    { path: "b.c[1]", kind: "changed", left: 2, right: 3 },
    { path: "b.c[2]", kind: "added", right: 4 },
    { path: '["odd key"]', kind: "removed", left: true },
    { path: "d", kind: "added", right: null },
  ]);
});

test("equal values have no differences, and values of different kinds are one", () => {
  expect(differences([{ a: null }], [{ a: null }])).toEqual([]);
  expect(differences([1], { 0: 1 })).toEqual([{ path: "", kind: "changed", left: [1], right: { 0: 1 } }]);
  expect(differences(undefined, 1)).toEqual([{ path: "", kind: "added", right: 1 }]);
  expect(differences(null, undefined)).toEqual([{ path: "", kind: "removed", left: null }]);
});

test("keys that every object has are no values of these", () => {
  expect(differences({}, JSON.parse('{"constructor":1,"__proto__":2}'))).toEqual([
    { path: "constructor", kind: "added", right: 1 },
    { path: "__proto__", kind: "added", right: 2 },
  ]);
});

test("values that differ everywhere are cut at five hundred places", () => {
  expect(differences(Array.from({ length: 2000 }, (_, index) => index), Array.from({ length: 2000 }, (_, index) => -1 - index))).toHaveLength(500);
});
