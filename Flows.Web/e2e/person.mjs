import assert from "node:assert/strict";

const patience = 45_000;

/** Somebody at a browser. Waits are bounded and end as soon as what is waited for is there. */
export class Person {
  constructor(page, url, key) {
    this.page = page;
    this.url = url.replace(/\/$/, "");
    this.key = key;
  }

  /** Opens a window of its own. Errors of the page, requests to other hosts and refusals by the content policy are collected in `errors`. */
  static async arrive(browser, url, key, errors = [], options = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    page.on("pageerror", (error) => errors.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !/Failed to load resource/.test(message.text())) errors.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      const target = new URL(request.url());
      if (target.protocol.startsWith("http") && target.host !== new URL(url).host) errors.push(`a call to ${target.host}`);
    });
    return new Person(page, url, key);
  }

  /** Opens a page as somebody whose tab has the key already. */
  async signIn(path = "/flows") {
    await this.page.addInitScript((key) => {
      if (sessionStorage.getItem("arrived")) return;
      sessionStorage.setItem("arrived", "yes");
      sessionStorage.setItem("flows-api-key", key);
    }, this.key);
    await this.page.goto(`${this.url}${path}`);
    await this.page.locator("nav .nav-link").first().waitFor();
  }

  /** Opens a page and signs in by the form. */
  async signInByHand(path = "/flows") {
    await this.page.goto(`${this.url}${path}`);
    await this.button("With an API key").click();
    await this.page.getByLabel("API key").fill(this.key);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.page.locator("nav .nav-link").first().waitFor();
  }

  button(name, within = this.page) {
    return within.getByRole("button", { name, exact: typeof name === "string" });
  }

  /** Makes an empty flow with the dialog and stays in its builder. Gives its id. */
  async newFlow(name) {
    await this.button("New flow").first().click();
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.button("Create").click();
    await this.page.waitForURL(/\/flows\/[0-9a-f-]{36}$/);
    await this.step(/Trigger/).waitFor();
    return this.page.url().split("/").pop();
  }

  /** A box on the canvas, by what it is called. */
  step(name) {
    return this.page.locator(".step-box").and(this.page.getByRole("button", { name }));
  }

  /** Adds a step at the nth + of the canvas, found by what it is called, with the keyboard. */
  async addStep(search, at) {
    const places = this.button("Add a step");
    await places.nth(at < 0 ? (await places.count()) + at : at).click();
    await this.page.getByRole("combobox").fill(search);
    await this.page.getByRole("option", { selected: true }).waitFor();
    await this.page.keyboard.press("Enter");
    await this.page.getByRole("dialog").waitFor({ state: "hidden" });
  }

  get panel() {
    return this.page.getByRole("complementary");
  }

  /** Puts a text into a code editor of the panel. */
  async code(label, text, within = this.panel) {
    await within.getByRole("textbox", { name: label, exact: true }).click();
    await this.page.keyboard.press("ControlOrMeta+a");
    // insertText is what pasting does: no bracket is closed by itself.
    await this.page.keyboard.insertText(text);
  }

  async saved() {
    await this.page.locator(".save-state.saved").waitFor();
  }

  async publish(note = "") {
    await this.saved();
    await this.button("Publish").click();
    const dialog = this.page.getByRole("dialog");
    if (note) await dialog.getByLabel("What has changed (optional)").fill(note);
    await this.button("Publish", dialog).click();
    await dialog.waitFor({ state: "hidden" });
  }

  async run(status) {
    await this.page.locator(".builder-head .badge", { hasText: status }).waitFor();
  }

  /** The API as this person's programs would call it. */
  async api(method, path, body) {
    const answer = await fetch(`${this.url}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.key}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(patience),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path} answered ${answer.status}: ${text}`);
    return text ? JSON.parse(text) : undefined;
  }
}

/** Asks until it is true; fails with the words after the patience of a person. */
export async function until(words, ask) {
  const end = Date.now() + patience;
  while (Date.now() < end) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`It did not come to this: ${words}`);
}

export { assert };
