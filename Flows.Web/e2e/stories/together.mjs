// Two people have the same draft open: nothing of either is overwritten unseen. Then the API goes away and comes back, and what was typed is still there.
import { assert, Person, until } from "../person.mjs";

export default async function (one, { browser, url, key, errors }) {
  await one.signIn();
  await one.button("From a template").click();
  await one.page.getByRole("dialog").getByRole("button", { name: /^Order total/ }).click();
  await one.page.waitForURL(/\/flows\/[0-9a-f-]{36}$/);
  await one.step(/^total/).waitFor();
  const id = one.page.url().split("/").pop();
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
