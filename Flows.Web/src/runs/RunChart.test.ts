import { expect, test } from "vitest";
import { columnsOf } from "./RunChart";

test("the counted parts of the time are drawn where they lie, and those between them stay empty", () => {
  const columns = columnsOf({
    from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z", bucketSeconds: 1800, counted: 6, isCut: false,
    buckets: [{ at: "2026-01-01T00:00:00Z", counts: { Succeeded: 2, Failed: 1, TimedOut: 1 } }, { at: "2026-01-01T23:30:00Z", counts: { Paused: 1, NeedsDecision: 1 } }],
  });
  expect(columns).toHaveLength(48);
  expect(columns[0]).toEqual({ tones: new Map([["good", 2], ["bad", 2]]), total: 4 });
  expect(columns[47]).toEqual({ tones: new Map([["waiting", 2]]), total: 2 });
  expect(columns.slice(1, 47).every((column) => column.total === 0)).toBe(true);
});
