// Somebody brings a template of Activepieces along: it becomes a flow, and what could not be taken over is said step by step.
import { readFileSync } from "node:fs";
import { assert } from "../person.mjs";

const template = readFileSync(new URL("../../../Flows.Tests/Import/activepieces/schedule-code-slack.json", import.meta.url), "utf8");

export default async function (person) {
  const { page } = person;
  await person.signIn();
  await person.button("Import").click();
  const dialog = page.getByRole("dialog");
  const field = dialog.locator("textarea");
  await field.fill("{ this is no JSON");
  await person.button("Import", dialog).click();
  await dialog.getByRole("alert").getByText("This is not JSON").waitFor();
  assert.equal(await field.inputValue(), "{ this is no JSON");

  await field.fill(template);
  await person.button("Import", dialog).click();
  await dialog.locator(".notes li").first().waitFor();
  const link = dialog.getByRole("link").first();
  const name = await link.textContent();
  assert.ok((await dialog.locator(".notes li").count()) > 0);
  await link.click();
  await page.waitForURL(/\/flows\/[0-9a-f-]{36}$/);
  const id = page.url().split("/").pop();
  const flow = await person.api("GET", `flows/${id}`);
  assert.equal(flow.name, name);
  const { steps } = await person.api("GET", `flows/${id}/draft`);
  assert.ok(steps.length >= 2, JSON.stringify(steps));
  await page.locator(".step-box").nth(steps.length).waitFor();
}
