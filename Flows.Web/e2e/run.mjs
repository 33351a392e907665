// node e2e/run.mjs STORY...: acts stories of e2e/stories in a real browser, as people would, against the Flows at FLOWS_URL with the key FLOWS_KEY
// (`arriving` takes the token of the set-up, too: FLOWS_SETUP).
// All share one browser, each in windows of its own, FLOWS_AT_ONCE (2) of them side by side. Of each that has ended a line of JSON is printed: its
// name, whether it went as told, the seconds that it took, what a story that measures has found, and else what was expected; a picture lies in FLOWS_SHOTS then. Ends with 0 when all went as told.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Person } from "./person.mjs";

const { FLOWS_URL: url, FLOWS_KEY: key, FLOWS_SETUP: setup, FLOWS_CHROMIUM: executablePath = "/usr/bin/chromium", FLOWS_SHOTS: shots, FLOWS_AT_ONCE: atOnce = "2" } = process.env;
const waiting = process.argv.slice(2);
let browser;

/** The browser of all stories; another one when one of them has brought it down. */
function stage() {
  if (browser) return browser;
  browser = chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] }).then((launched) => {
    launched.on("disconnected", () => (browser = undefined));
    return launched;
  });
  return browser;
}

async function act(story) {
  const contexts = [];
  const errors = [];
  const began = Date.now();
  let person;
  let said = "as told";
  let passed = true;
  try {
    const shared = await stage();
    const windows = {
      newContext: async (options) => {
        const context = await shared.newContext(options);
        contexts.push(context);
        return context;
      },
    };
    person = await Person.arrive(windows, url, key, errors);
    const { default: tell } = await import(`./stories/${story}.mjs`);
    said = (await tell(person, { browser: windows, url, key, errors, setup })) ?? said;
    if (errors.length > 0) throw new Error("The page met errors.");
  } catch (error) {
    passed = false;
    said = [error.message, ...errors].join("\n");
    if (shots && person) {
      mkdirSync(shots, { recursive: true });
      const picture = join(shots, `${story}.png`);
      said += await person.page.screenshot({ path: picture }).then(() => `\n${person.page.url()} looked like ${picture}`, () => "");
    }
  }
  await Promise.all(contexts.map((context) => context.close().catch(() => {})));
  console.log(JSON.stringify({ story, passed, seconds: (Date.now() - began) / 1000, said }));
  return passed;
}

async function actTheRest() {
  let all = true;
  for (let story = waiting.shift(); story !== undefined; story = waiting.shift()) all = (await act(story)) && all;
  return all;
}

try {
  const ends = await Promise.all(Array.from({ length: Number(atOnce) }, actTheRest));
  process.exitCode = ends.every(Boolean) ? 0 : 1;
} finally {
  await (await browser)?.close();
}
