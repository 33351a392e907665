// Somebody looks for what went wrong: narrows the runs down, sees a new one come in, does failed ones again, and puts two side by side.
import { readFileSync } from "node:fs";
import { assert, until } from "../person.mjs";

const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [{ name: "price", kind: "code", language: "javascript", input: { item: "{{trigger.item}}" }, source: "export default ({ item }) => { if (!item) throw new Error('There is no item to price.'); return { item, price: item.length }; };" }],
};

export default async function (person) {
  const { page } = person;
  const flow = await person.api("POST", "flows", { name: `Priced ${Date.now()}`, definition });
  const start = (body) => person.api("POST", `flows/${flow.id}/draft/runs?wait=45`, body);
  const [one, other, failed] = [await start({ item: "pen" }), await start({ item: "pencil" }), await start({})];
  assert.equal(failed.status, "Failed");

  await person.signIn(`/runs?flow=${flow.id}`);
  const rows = page.locator("tbody tr");
  const has = (count) => until(`${count} runs are listed`, async () => (await rows.count()) === count);
  await has(3);
  await page.locator(".chart-column:not(:disabled)").first().waitFor();
  const status = page.getByLabel("Status", { exact: true });
  await status.selectOption({ label: "Failed or timed out" });
  await has(1);
  await page.reload();
  await has(1);
  const search = page.getByLabel("Error text or run id");
  await search.fill("no");
  await search.press("Enter");
  await page.getByText("Three letters or digits in a row, at least.").waitFor();
  await search.fill("no item to price");
  await search.press("Enter");
  await page.waitForURL(/q=no/);
  await has(1);
  const [file] = await Promise.all([page.waitForEvent("download"), person.button("CSV").click()]);
  const table = readFileSync(await file.path(), "utf8");
  assert.ok(table.includes(failed.id) && !table.includes(one.id), table);

  await page.getByLabel(`Pick run ${failed.id}`).check();
  await person.button("Retry", page.getByRole("region", { name: "Picked runs" })).click();
  await page.getByText("1 done.").waitFor();
  await page.goto(`${person.url}/runs?flow=${flow.id}`);
  await has(3);
  await start({ item: "rubber" });
  await has(4);

  await page.getByLabel(`Pick run ${one.id}`).check();
  await page.getByLabel(`Pick run ${other.id}`).check();
  await page.getByRole("link", { name: "Compare these two" }).click();
  const step = page.getByRole("region", { name: "price" });
  await step.getByText("Output").waitFor();
  const output = step.getByRole("region", { name: "Output" });
  assert.deepEqual(await output.locator("tr").allInnerTexts().then((texts) => texts.map((text) => text.split(/\s+/).filter(Boolean))), [["item", "pen", "pencil"], ["price", "3", "6"]]);
}
