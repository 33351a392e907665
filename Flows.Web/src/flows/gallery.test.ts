import { expect, test } from "vitest";
import { templates } from "./gallery";

test("the gallery has every sample, each with a title, words and steps", () => {
  const all = templates();
  expect(all.length).toBeGreaterThanOrEqual(15);
  expect(new Set(all.map((template) => template.key)).size).toBe(all.length);
  for (const template of all) {
    expect(template.definition.schema).toBe(1);
    expect(template.definition.steps.length).toBeGreaterThan(0);
    expect(template.kinds).toContain(template.definition.trigger.piece);
  }
  expect(all.find((template) => template.key === "order-total")).toMatchObject({ title: "Order total", help: "code, a router, an answer" });
});
