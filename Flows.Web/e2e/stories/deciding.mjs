// A run is cut off in the middle of an effect, so that nobody knows whether it happened. A person says that it did, then approves what the flow asks.
import { assert } from "../person.mjs";

const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [
    { name: "pay", kind: "code", language: "javascript", effect: "effect", onUncertain: "ask", input: {}, timeout: "00:01:00", source: "export default () => { const end = Date.now() + 50000; while (Date.now() < end); return 'never'; };" },
    { name: "ask", kind: "wait", for: "approval", message: "Send the goods for payment {{pay.id}}?" },
    { name: "send", kind: "code", language: "javascript", input: { answer: "{{ask}}" }, source: "export default ({ answer }) => answer;" },
  ],
};

export default async function (person) {
  const { page } = person;
  const flow = await person.api("POST", "flows", { name: "Cut off", definition });
  const run = await person.api("POST", `flows/${flow.id}/draft/runs`, {});
  await person.signIn(`/runs/${run.id}`);
  await page.locator(".step-box.busy").waitFor();
  await person.button("Cancel").click();
  await person.run("Cancelled");
  await person.button("Retry").click();
  await page.getByRole("menuitem", { name: "From the failed step", exact: true }).click();

  await person.run("Needs a decision");
  const question = page.getByRole("alert").filter({ hasText: "Did this step happen?" });
  await question.getByText("pay", { exact: true }).waitFor();
  await question.getByText("Its output, if it happened").click();
  await person.code("Output", '{ "id": "P-17" }', question);
  await person.button("It happened", question).click();

  await person.run("Waiting");
  const approval = page.getByRole("region", { name: "Approval wanted" });
  await approval.getByText("Send the goods for payment P-17?").waitFor();
  await approval.getByLabel("Comment (optional)").fill("Paid, <b>send it</b>");
  await person.button("Approve", approval).click();
  await person.run("Succeeded");
  await person.step(/^send/).click();
  const output = person.panel.getByRole("region", { name: "Output" });
  await person.button("raw", output).click();
  await output.getByText("Paid, <b>send it</b>").waitFor();

  const audit = await person.api("GET", "audit?action=run.decided&limit=1");
  assert.equal(audit.items.length, 1);
}
