// Every page without a serious finding of axe, in light and in dark; names and errors that are markup are shown as the text they are.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { assert } from "../person.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const probe = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";

export default async function (person) {
  const { page } = person;
  const flow = await person.api("POST", "flows", {
    name: `Probe ${probe}`,
    definition: {
      schema: 1,
      trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
      steps: [
        { name: "bad", title: probe, kind: "code", language: "javascript", input: { text: probe }, onError: "continue", source: `export default ({ text }) => { console.log(text); throw new Error(text); };` },
        { name: "size", kind: "router", mode: "first", branches: [{ name: "<img src=x onerror=alert(1)>", when: "{{true}}", steps: [] }, { name: "Otherwise", otherwise: true, steps: [] }] },
        { name: "good", kind: "code", language: "javascript", input: {}, source: `export default () => ({ html: ${JSON.stringify(probe)} });` },
      ],
    },
  });
  const run = await person.api("POST", `flows/${flow.id}/draft/runs?wait=45`, {});
  assert.equal(run.status, "Succeeded", JSON.stringify(run));

  await person.signIn();
  const look = async (path, ready) => {
    await page.goto(`${person.url}${path}`);
    await page.locator(ready).first().waitFor();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await check(page, `${path} in ${colorScheme}`);
    }
  };
  await look("/flows", ".card");
  await look("/runs", "tbody tr");
  for (const path of ["/connections", "/variables", "/keys", "/members", "/audit", "/operate"]) await look(path, "h1");
  await look(`/flows/${flow.id}`, ".step-box");
  await person.step(/^<img.*Code/).click();
  await person.panel.waitFor();
  await check(page, "a step's panel");
  await page.getByRole("tab", { name: "Test" }).click();
  await check(page, "the test of a step");
  await person.step(/^size/).click();
  await page.getByRole("tab", { name: "Settings" }).click();
  await person.panel.getByRole("button", { name: "Show it as rows" }).first().click();
  await person.panel.getByLabel("Test 1", { exact: true }).waitFor();
  await check(page, "a condition in rows");
  await person.button("Test").click();
  await person.panel.getByRole("textbox", { name: "What the trigger gives" }).waitFor();
  await check(page, "the test of the flow");
  await person.button("Add a note to the canvas").click();
  await page.getByRole("group", { name: "Note 1" }).waitFor();
  await person.publish();
  await person.button("Versions").click();
  await page.getByRole("region", { name: "Version 1" }).waitFor();
  await check(page, "the versions");
  await page.keyboard.press("Escape");
  await person.button("Keys").click();
  await check(page, "the keys");
  await page.keyboard.press("Escape");
  await look(`/runs/${run.id}`, ".step-box.bad");
  await person.step(/^<img/).click();
  await person.panel.getByRole("alert").getByText("<img src=x").waitFor();
  await person.step(/^good/).click();
  await person.panel.getByText("<img src=x").first().waitFor();
  assert.notEqual(await page.title(), "taken");
}

export async function check(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] }));
  const serious = found.violations.filter((violation) => violation.impact === "serious" || violation.impact === "critical");
  assert.deepEqual(serious.map((violation) => `${violation.id}: ${violation.nodes[0].html.slice(0, 200)} ${violation.nodes[0].failureSummary}`), [], where);
}
