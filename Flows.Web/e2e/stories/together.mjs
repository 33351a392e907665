// Two people have the same draft open: nothing of either is overwritten unseen. Then the API goes away and comes back, and what was typed is still there.
import { assert, Person, until } from "../person.mjs";

export default async function (one, { browser, url, key, errors }) {
  await one.signIn();
  await one.button("From a template").click();
  await one.page.getByRole("dialog").getByRole("button", { name: /^Order total/ }).click();
  await one.page.waitForURL(/\/flows\/[0-9a-f-]{36}$/);
  await one.step(/^total/).waitFor();
  const id = one.page.url().split("/").pop();
  await one.api("POST", `flows/${id}/publish`, {});
  const other = await Person.arrive(browser, url, key, errors);
  await other.signIn(`/flows/${id}`);
  await other.step(/^total/).waitFor();

  await rename(one, "Mine");
  await one.saved();
  await rename(other, "Theirs");
  await other.page.getByRole("alert").getByText("Somebody else has changed this draft").waitFor();
  const titleNow = async () => (await one.api("GET", `flows/${id}/draft`)).steps[0].title;
  assert.equal(await titleNow(), "Mine");
  await other.button("Keep mine").click();
  await until("the second person's title is kept", async () => (await titleNow()) === "Theirs");

  // Neither does restoring or publishing: the first person has not seen what is there now.
  await one.button("Versions").click();
  const dialog = one.page.getByRole("dialog");
  await one.button("Restore version 1", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  const notice = one.page.getByRole("alert").getByText("Somebody else has changed this draft");
  await notice.waitFor();
  await one.page.getByText("Version 1 was not restored").waitFor();
  await one.button("Publish").click();
  await one.button("Publish", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  await one.page.getByText("Nothing was published").waitFor();
  assert.deepEqual([await titleNow(), (await one.api("GET", `flows/${id}`)).publishedVersion], ["Theirs", 1]);
  await one.button("Take theirs").click();
  await notice.waitFor({ state: "hidden" });
  await one.step(/^Theirs/).waitFor();
  await one.button("Versions").click();
  await one.button("Restore version 1", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  await one.step(/^Theirs/).waitFor({ state: "hidden" });
  await one.button("Undo").click();
  await one.saved();
  await until("theirs is back", async () => (await titleNow()) === "Theirs");
  await other.page.reload();
  await other.step(/^Theirs/).waitFor();

  await other.page.route("**/api/**", (route) => route.abort());
  await rename(other, "Typed meanwhile");
  await other.page.getByRole("alert").getByText("cannot be reached").first().waitFor();
  await other.page.unroute("**/api/**");
  await until("what was typed is saved", async () => (await titleNow()) === "Typed meanwhile");
}

async function rename(person, title) {
  await person.step(/^(total|Mine|Theirs)/).click();
  await person.panel.getByLabel("Title", { exact: true }).fill(title);
}
