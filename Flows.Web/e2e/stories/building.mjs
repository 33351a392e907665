// From nothing to a flow that answers its webhook, with the mouse and the keyboard only.
import { assert } from "../person.mjs";

export default async function (person) {
  await person.signInByHand();
  const id = await person.newFlow(`Orders ${Date.now()}`);
  await person.addStep("code", 0);
  await person.code("Input", '{ "lines": "{{trigger.body.lines}}" }');
  await person.code("Code", "export default ({ lines }) => lines.reduce((sum, line) => sum + line.price * line.count, 0);");
  await person.panel.getByLabel("Name in expressions", { exact: true }).fill("total");
  await person.panel.getByLabel("Name in expressions", { exact: true }).press("Enter");
  await person.step(/^total/).waitFor();

  await person.addStep("branch", -1);
  await person.panel.getByLabel("Name 1").fill("Big");
  const condition = person.panel.getByLabel("When", { exact: true });
  await condition.fill("{{total >= 100}}");
  await person.step(/^router/).waitFor();

  await person.addStep("loop", 2);
  await person.panel.getByLabel("Items to go through", { exact: true }).fill("{{trigger.body.lines}}");
  await person.addStep("code", 3);
  await person.code("Input", '{ "line": "{{loop.item}}" }');
  await person.code("Code", "export default ({ line }) => line.name;");

  await person.addStep("respond", -1);
  await person.code("Body", '{ "total": "{{total}}", "size": "{{router.branch}}" }');
  await person.publish("The first version");

  const answer = await fetch(`${person.url}/webhooks/${id}/sync`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ lines: [{ name: "a", price: 40, count: 3 }] }),
    signal: AbortSignal.timeout(45_000),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  assert.deepEqual(JSON.parse(text), { total: 120, size: "Big" });

  await person.page.getByRole("navigation").getByRole("link", { name: "Runs" }).click();
  // By its id: other tests have runs in the same list.
  await person.page.locator(`a[href*="runs/${answer.headers.get("flows-run-id")}"]`).first().click();
  await person.run("Succeeded");
  await person.step(/^total/).click();
  await person.panel.getByText("120").first().waitFor();
}
