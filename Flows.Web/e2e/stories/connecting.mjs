// Somebody connects an account: the sign-in at the service is in a window of its own, and the page knows when it is done.
import { createServer } from "node:http";
import { assert } from "../person.mjs";

export default async function (person) {
  const asked = [];
  // The service: it knows its client, sends the browser back with a code, and gives a token for it.
  const service = createServer((request, response) => {
    const url = new URL(request.url, "http://service");
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      if (url.pathname === "/authorize") {
        asked.push(url.searchParams.get("client_id"));
        const back = new URL(url.searchParams.get("redirect_uri"));
        back.searchParams.set("state", url.searchParams.get("state"));
        back.searchParams.set("code", "the-code");
        response.writeHead(302, { location: back.toString() }).end();
        return;
      }
      const form = new URLSearchParams(body);
      const isGood = form.get("code") === "the-code" && form.get("client_secret") === "its secret";
      response.writeHead(isGood ? 200 : 400, { "content-type": "application/json" });
      response.end(JSON.stringify(isGood ? { access_token: "the-access-token", token_type: "Bearer", expires_in: 3600, refresh_token: "more" } : { error: "invalid_client" }));
    });
  });
  await new Promise((done) => service.listen(0, "127.0.0.1", done));
  try {
    await act(person, `http://127.0.0.1:${service.address().port}`);
    assert.deepEqual(asked, ["the client"]);
  } finally {
    service.close();
    service.closeAllConnections();
  }
}

async function act(person, address) {
  const { page } = person;
  const key = `account_${Date.now()}`;
  await person.signIn("/connections");
  const dialog = page.getByRole("dialog");
  const fill = (label, value) => dialog.getByLabel(label, { exact: true }).fill(value);

  await person.button("New OAuth app").click();
  await fill("Key", key);
  await fill("Client id", "the client");
  await fill("Client secret (none for a public client)", "its secret");
  await person.button("Save", dialog).click();
  await dialog.waitFor({ state: "hidden" });

  await person.button("New connection").click();
  await dialog.getByLabel("For", { exact: true }).selectOption({ label: "Any piece: OAuth 2" });
  await fill("Key", key);
  await fill("Name", `Account ${key}`);
  await dialog.getByLabel("OAuth app", { exact: true }).selectOption(key);
  await fill("Address of the sign-in page", `${address}/authorize`);
  await fill("Address for tokens", `${address}/token`);
  await person.button("Save", dialog).click();
  await dialog.waitFor({ state: "hidden" });

  const card = page.locator(".card", { hasText: `Account ${key}` });
  await card.getByText("needs a sign-in").waitFor();
  const [window] = await Promise.all([page.waitForEvent("popup"), person.button("Sign in", card).click()]);
  await window.getByText(`Account ${key}`).waitFor();
  await window.getByRole("button", { name: "Connect" }).click();
  await window.getByText("You may close this page").waitFor();
  await card.getByText("signed in", { exact: true }).waitFor();
  await page.getByText(`Account ${key} is connected.`).waitFor();
  const { items } = await person.api("GET", "connections?limit=100");
  assert.equal(items.find((connection) => connection.key === key).status, "ready");
  assert.equal((await page.content()).includes("its secret"), false);
}
