// A flow is built, put in order, and published without a mouse.
import { assert, until } from "../person.mjs";

export default async function (person) {
  const { page } = person;
  const { keyboard } = page;
  await person.signInByHand();
  await tabTo(page, "New flow");
  await keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await focused(page, "input");
  await keyboard.type("Keys only");
  await keyboard.press("Enter");
  await page.waitForURL(/\/flows\/[0-9a-f-]{36}$/);
  const id = page.url().split("/").pop();
  await person.step(/Trigger/).waitFor();

  await tabTo(page, /Trigger$/);
  await add(person, "respond");
  await back(page, "answer");
  await add(person, "code");
  await keyboard.press("ControlOrMeta+a");
  await keyboard.type("Reads the order");
  await back(page, "code");
  await keyboard.press("Alt+ArrowUp");
  await until("the code stands before the answer", async () => (await boxes(page)).join(" ") === "trigger code answer");
  await keyboard.press("Alt+ArrowUp");

  // A branch, and a step in its first lane.
  await add(person, "branch");
  await back(page, "router");
  await keyboard.press("Shift+A");
  await pick(person, "stop");
  await back(page, "stop");
  await keyboard.press("ArrowUp");
  await until("the arrow went up to the branch", async () => (await page.evaluate(() => document.activeElement?.dataset.step)) === "router");
  await keyboard.press("ArrowUp");
  await until("and to the code", async () => (await page.evaluate(() => document.activeElement?.dataset.step)) === "code");
  await keyboard.press("ControlOrMeta+d");
  await until("a copy is behind it", async () => (await boxes(page)).includes("code_2"));
  await keyboard.press("ControlOrMeta+z");
  await until("and gone again", async () => !(await boxes(page)).includes("code_2"));
  await keyboard.press("n");
  await page.getByRole("group", { name: "Note 1" }).waitFor();
  await person.saved();

  await keyboard.press("ControlOrMeta+Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await tabTo(page, "Publish");
  await keyboard.press("Enter");
  await dialog.waitFor({ state: "hidden" });
  const version = await person.api("GET", `flows/${id}/versions/1`);
  assert.deepEqual(version.definition.steps.map((step) => step.name), ["code", "router", "answer"]);
  assert.equal(version.definition.steps[0].title, "Reads the order");
  assert.equal(version.definition.steps[1].branches[0].steps[0].name, "stop");
  assert.equal(version.definition.notes.length, 1);
}

const boxes = (page) => page.locator(".step-box").evaluateAll((all) => all.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map((box) => box.dataset.step));

/** Adds a step behind the one that has the focus; afterwards the focus is in its panel. */
async function add(person, search) {
  await person.page.keyboard.press("a");
  await pick(person, search);
}

async function pick(person, search) {
  await person.page.getByRole("combobox", { name: "Search actions" }).waitFor();
  await focused(person.page, "input[type=search]");
  await person.page.keyboard.type(search);
  await person.page.getByRole("option", { selected: true }).waitFor();
  await person.page.keyboard.press("Enter");
  await person.page.getByRole("dialog").waitFor({ state: "hidden" });
  await focused(person.page, ".panel *");
}

/** From the panel to the box of its step. */
async function back(page, step) {
  await page.keyboard.press("Escape");
  await focused(page, `[data-step="${step}"]`);
}

const focused = (page, selector) => until(`the focus is on ${selector}`, () => page.evaluate((wanted) => document.activeElement?.matches(wanted), selector));

/** Tab, until what has the focus is called that. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 80; presses++) {
    const label = await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");
    if (name instanceof RegExp ? name.test(label) : label.trim() === name) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`The Tab key never came to ${name}`);
}
