// What goes wrong without anybody's fault: a value too large for a page, a change that is not allowed, and a network on which everything takes long.
import { assert, Person, until } from "../person.mjs";

const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [{ name: "much", kind: "code", language: "javascript", input: {}, source: "export default () => ({ words: 'much '.repeat(1_000_000) });" }],
};
const slowMs = 1500;

export default async function (person, { browser, url, errors }) {
  const { page } = person;
  const flow = await person.api("POST", "flows", { name: "Endured", definition });
  const titleNow = async () => (await person.api("GET", `flows/${flow.id}/draft`)).steps[0].title;
  const run = await person.api("POST", `flows/${flow.id}/draft/runs?wait=45`, {});
  assert.equal(run.status, "Succeeded", JSON.stringify(run.error));

  // Five megabytes: their beginning is shown, and the whole can be saved.
  await person.signIn(`/runs/${run.id}?step=much`);
  await person.panel.getByText(/much much .*…/).waitFor();
  assert.ok((await person.panel.innerText()).length < 20_000, "no more of it is on the page than its beginning");
  const [saved] = await Promise.all([page.waitForEvent("download"), person.button("Download", person.panel).click()]);
  assert.match(saved.suggestedFilename(), /\.json$/);

  // Whoever may only look is told so, once, and has what was typed before them.
  const key = await person.api("POST", "api-keys", { name: "Looks on", role: "Viewer" });
  const viewer = await Person.arrive(browser, url, key.key, errors);
  let asked = 0;
  viewer.page.on("request", (request) => (asked += Number(request.method() === "PUT")));
  await viewer.signIn(`/flows/${flow.id}`);
  await viewer.step(/^much/).click();
  const title = viewer.panel.getByLabel("Title", { exact: true });
  await title.fill("Not for me to say");
  await viewer.page.getByRole("alert").first().waitFor();
  assert.equal(await title.inputValue(), "Not for me to say");
  await viewer.page.reload();
  await viewer.step(/^Not for me to say/).waitFor();
  await viewer.page.getByRole("alert").first().waitFor();
  assert.equal(asked, 2, "it was asked once before the reload and once after");
  assert.equal(await titleNow(), undefined);
  await person.api("DELETE", `api-keys/${key.id}`);

  // Every answer takes long: the page says that it is at work, and what was typed meanwhile arrives.
  await page.route("**/api/**", async (route) => {
    await new Promise((done) => setTimeout(done, slowMs));
    await route.continue().catch(() => {});
  });
  await page.goto(`${person.url}/flows/${flow.id}`);
  await page.getByText("Loading …").first().waitFor();
  await person.step(/^much/).click();
  const field = person.panel.getByLabel("Title", { exact: true });
  await field.fill("First");
  await page.locator(".save-state.saving").waitFor();
  await field.fill("First, then second");
  await until("the newest is saved", async () => (await titleNow()) === "First, then second");
  await person.saved();
  await page.unroute("**/api/**");
}
