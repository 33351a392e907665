// The API goes away and comes back: the page says so, nothing typed is lost, and what happened meanwhile is there without a reload.
import { assert, until } from "../person.mjs";

const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [{ name: "ask", kind: "wait", for: "approval" }],
};

export default async function (person) {
  const { page } = person;
  const refused = [];
  page.on("response", (response) => response.status() === 401 && refused.push(response.url()));
  const mark = `Returning ${Date.now()}`;
  const flow = await person.api("POST", "flows", { name: mark, definition });
  await person.signInByHand(`/flows`);
  assert.deepEqual(refused, [], "somebody who is not signed in is not told so by an error");
  await page.getByRole("searchbox", { name: "Search" }).fill(mark);
  await until("the flow is listed", async () => (await page.locator(".card").count()) === 1);

  const leave = () => page.route("**/api/**", (route) => route.abort());
  const comeBack = () => page.unroute("**/api/**");
  await page.getByRole("button", { name: `More for ${mark}` }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  const dialog = page.getByRole("dialog");
  await leave();
  await dialog.getByLabel("Name", { exact: true }).fill(`${mark}, renamed`);
  await person.button("Save", dialog).click();
  await dialog.getByRole("alert").getByText("cannot be reached").waitFor();
  const banner = page.getByText("The API is away.");
  await banner.waitFor({ state: "attached" });
  assert.equal(await dialog.getByLabel("Name", { exact: true }).inputValue(), `${mark}, renamed`);
  await comeBack();
  await person.button("Save", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  await banner.waitFor({ state: "detached" });
  await until("the new name is there", async () => (await page.locator(".card-title").innerText()) === `${mark}, renamed`);

  await leave();
  await page.goto(`${person.url}/runs?flow=${flow.id}`);
  await banner.waitFor({ state: "attached" });
  const run = await person.api("POST", `flows/${flow.id}/draft/runs`, {});
  await comeBack();
  await page.locator(`a[href$="runs/${run.id}"]`).first().waitFor();
  await page.locator("tr", { hasText: "Waiting" }).waitFor();
  await page.locator(`a[href$="runs/${run.id}"]`).first().click();
  await person.run("Waiting");
  await person.api("POST", `runs/${run.id}/cancel`);
  await person.run("Cancelled");
}
