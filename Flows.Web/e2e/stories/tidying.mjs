// Somebody puts flows in order: a folder, tags, a search, many at a time; deletes two of them, and has one back.
import { assert, until } from "../person.mjs";

export default async function (person) {
  const { page } = person;
  const mark = Date.now().toString(36);
  const names = ["Alpha", "Beta"].map((name) => `${name} ${mark}`);
  for (const name of names) await person.api("POST", "flows", { name });
  await person.signIn();

  await person.button("New folder").click();
  await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill(`Shelf ${mark}`);
  await person.button("Create").click();
  await page.getByText("No flow fits").first().waitFor();

  await person.button("All flows").click();
  await page.getByRole("searchbox", { name: "Search" }).fill(mark);
  await until("only the two are listed", async () => (await page.locator(".card").count()) === 2);
  for (const name of names) await page.getByLabel(`Pick ${name}`).check();
  const bulk = page.getByRole("region", { name: "Picked flows" });
  await person.button("Move", bulk).click();
  await page.getByRole("dialog").getByLabel("Folder").selectOption({ label: `Shelf ${mark}` });
  await person.button("Move", page.getByRole("dialog")).click();
  await page.getByText("2 done.").waitFor();
  await page.getByRole("searchbox", { name: "Search" }).fill("");
  await page.getByRole("button", { name: `Shelf ${mark} 2` }).click();
  await until("both lie in the folder", async () => (await page.locator(".card").count()) === 2);

  for (const name of names) await page.getByLabel(`Pick ${name}`).check();
  await person.button("Tags", bulk).click();
  await page.getByRole("dialog").getByLabel("Tags").fill(`urgent, ${mark}`);
  await person.button("Add these tags").click();
  await page.locator(".card").first().getByRole("button", { name: mark, exact: true }).click();
  await page.waitForURL(new RegExp(`tag=${mark}`));
  await page.reload();
  await until("the address shows the same again", async () => (await page.locator(".card").count()) === 2);

  for (const name of names) await page.getByLabel(`Pick ${name}`).check();
  await person.button("Delete", bulk).click();
  await person.button("Delete", page.getByRole("dialog")).click();
  await page.getByText("No flow fits").first().waitFor();
  await page.getByRole("link", { name: "Deleted flows" }).click();
  const row = page.locator(".card", { hasText: names[0] });
  await person.button("Restore", row).click();
  await row.waitFor({ state: "hidden" });
  const other = page.locator(".card", { hasText: names[1] });
  await person.button("Purge now", other).click();
  await person.button("Purge now", page.getByRole("dialog")).click();
  await until("the second is gone for good", async () => (await other.count()) === 0 || (await other.getByText("being purged").count()) === 1);
  const { items } = await person.api("GET", `flows?q=${mark}`);
  assert.deepEqual(items.map((flow) => [flow.name, flow.tags.toSorted()]), [[names[0], ["urgent", mark].toSorted()]]);
}
