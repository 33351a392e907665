// A step is tested alone on a sample, what it gives is pinned, an expression is tried while it is typed, and the pinned step is not run again.
import { assert, until } from "../person.mjs";

const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [
    { name: "order", kind: "code", language: "javascript", input: { id: "{{trigger.body.id}}" }, source: "export default ({ id }) => ({ id, total: id * 2, lines: [{ sku: 'A' }, { sku: 'B' }] });" },
    { name: "each", kind: "loop", items: "{{order.lines}}", steps: [{ name: "word", kind: "code", language: "javascript", input: { sku: "{{each.item.sku}}" }, source: "export default ({ sku }) => sku;" }] },
    { name: "answer", kind: "respond", status: 200, body: "" },
  ],
};

export default async function (person) {
  const { page, panel } = person;
  const flow = await person.api("POST", "flows", { name: "Pinned", definition });
  await person.api("POST", `flows/${flow.id}/draft/runs?wait=45`, { body: { id: 1 } });
  await person.signIn(`/flows/${flow.id}`);

  // An event that came before is the sample of the trigger; the whole draft runs on it.
  await person.button("Test").click();
  await person.button("Pick a past event", panel).click();
  await panel.getByRole("group", { name: "Past events" }).getByRole("button").first().click();
  await panel.getByText('"id": 1').waitFor();
  await person.code("What the trigger gives", '{ "body": { "id": 21 } }');
  await person.button("Run", panel).click();
  await panel.getByText("Succeeded").first().waitFor();
  await person.step(/^word.*2 times/).waitFor();

  // One step alone, then its output is written by hand and pinned.
  await person.step(/^order/).click();
  await person.button("Test this step", panel).click();
  const result = panel.getByRole("region", { name: "Result of the test" });
  await result.getByText("42", { exact: true }).waitFor();
  const sample = panel.getByRole("region", { name: "Sample output" });
  await until("the test is over", () => person.button("Test this step", panel).isEnabled());
  await person.button("Edit", sample).click();
  await person.code("Sample output", '{ "total": 1000, "lines": [{ "sku": "Z" }] }', sample);
  await person.button("Save and pin", sample).click();
  await person.step(/^order.*pinned/).waitFor();

  // Expressions are tried on it; in a loop on its first item.
  await person.step(/^answer/).click();
  await page.getByRole("tab", { name: "Settings" }).click();
  const body = panel.getByLabel("Body", { exact: true });
  await body.fill("Total {{order.total + 1}}");
  await panel.getByText("Total 1001").waitFor();
  await body.fill("Total {{order.total + }}");
  await panel.locator(".highlighted .wrong").first().waitFor();
  await body.fill("{{order.to");
  await page.getByRole("option", { name: /^total/ }).click();
  assert.equal(await body.inputValue(), "{{order.total");
  await body.fill("Total {{order.total}} of {{order.lines.length}}");
  await person.step(/^word/).click();
  await panel.getByText('{"sku":"Z"}').waitFor();
  await person.saved();

  // The pinned step is taken as it is, the others run.
  await person.button("Test").click();
  await person.button("Run", panel).click();
  await person.step(/^word.*1|^word.*ms/).waitFor();
  await until("the run is over", () => person.button("Run", panel).isEnabled());
  await panel.getByRole("button", { name: /^order.*pinned/ }).waitFor();
  const newest = (await person.api("GET", `runs?flow=${flow.id}&limit=1`)).items[0];
  const steps = (await person.api("GET", `runs/${newest.id}/steps`)).items;
  assert.equal(steps.find((step) => step.name === "order").pinned, true);
  assert.equal(steps.find((step) => step.path === "answer").input.body, "Total 1000 of 1");

  await person.step(/^order/).click();
  await person.button("Unpin", sample).click();
  await person.button("Pin", sample).waitFor();
  assert.equal((await person.api("GET", `flows/${flow.id}/samples`)).items.find((item) => item.step === "order").pinned, false);
}
