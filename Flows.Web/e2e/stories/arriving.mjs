// The first person comes by the link of the set-up, becomes the owner, and runs the flow that lies there. Then signs out and in again by password; and
// when the session ends in the middle of a change, the sign-in comes up, and what was typed is still there behind it.
import { assert } from "../person.mjs";

const password = "a password that is long enough";

export default async function (person, { setup }) {
  const { page } = person;
  await page.goto(`${person.url}/setup?token=${setup}`);
  await page.getByLabel("Your name").fill("Ada");
  await page.getByLabel("E-mail").fill("ada@example.com");
  await page.getByLabel(/^Password/).fill(password);
  await person.button("Become the owner").click();

  await page.locator("nav .nav-link").first().waitFor();
  await page.getByRole("searchbox").first().fill("Hello");
  await page.waitForURL(/q=Hello/);
  // The oldest of that name, where others have been made since.
  await page.getByRole("link", { name: "Hello", exact: true }).last().click();
  await person.step(/Trigger/).waitFor();
  await person.button("Test").click();
  await person.button("Run", person.panel).click();
  await person.panel.getByText("Succeeded").first().waitFor();
  const flow = page.url();

  await person.button("Sign out").click();
  await signIn(person, "not the password at all");
  await page.getByText("The e-mail address or the password is wrong.").waitFor();
  await signIn(person, password);
  await page.locator("nav .nav-link").first().waitFor();

  await page.goto(flow);
  await person.step(/^greet/).click();
  const title = person.panel.getByLabel("Title", { exact: true });
  await title.waitFor();
  // Else one of the page's own questions is refused first, and the sign-in comes before anything has been typed.
  await page.waitForLoadState("networkidle");
  await page.context().clearCookies();
  await title.fill("Greets whoever calls");
  await page.getByLabel("E-mail").waitFor();
  await signIn(person, password);
  await person.step(/^Greets whoever calls/).waitFor();
  await person.saved();
  const draft = await person.api("GET", `flows/${flow.split("/").pop()}/draft`);
  assert.equal(draft.steps[0].title, "Greets whoever calls");
}

async function signIn(person, secret) {
  await person.page.getByLabel("E-mail").fill("ada@example.com");
  await person.page.getByLabel("Password").fill(secret);
  await person.button("Sign in").click();
}
