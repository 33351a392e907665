// node e2e/run.mjs STORY: acts one story of e2e/stories in a real browser, as a person would, against the Flows at FLOWS_URL with the key
// FLOWS_KEY. Ends with 0 when it went as told; else says what was expected and leaves a picture beside FLOWS_SHOTS.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Person } from "./person.mjs";

const [name] = process.argv.slice(2);
const { FLOWS_URL: url, FLOWS_KEY: key, FLOWS_CHROMIUM: executablePath = "/usr/bin/chromium", FLOWS_SHOTS: shots } = process.env;
const story = await import(`./stories/${name}.mjs`);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
const errors = [];
let person;
try {
  person = await Person.arrive(browser, url, key, errors);
  await story.default(person, { browser, url, key, errors });
  if (errors.length > 0) throw new Error(`The page met errors:\n${errors.join("\n")}`);
  console.log(`${name}: as told`);
} catch (error) {
  console.error(`${name}: ${error.message}`);
  if (errors.length > 0) console.error(errors.join("\n"));
  if (shots && person) {
    mkdirSync(shots, { recursive: true });
    await person.page.screenshot({ path: join(shots, `${name}.png`) }).catch(() => {});
    console.error(`${person.page.url()} looked like ${join(shots, `${name}.png`)}`);
  }
  process.exitCode = 1;
} finally {
  await browser.close();
}
