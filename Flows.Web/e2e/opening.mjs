// node e2e/opening.mjs [TIMES]: how long the list of runs takes to open in Chromium, against the Flows at FLOWS_URL with the key FLOWS_KEY; it is for a
// database with a million runs, such as `./flows bench lists` fills. Prints milliseconds until the first row is on the screen: of a browser that has never
// been there, of one that loads the page again, and of a click on "Runs" in the menu. Nothing is asserted: the figures depend on the machine.
import { chromium } from "playwright-core";
import { Person } from "./person.mjs";

const times = Number(process.argv[2] ?? 10);
const { FLOWS_URL: url, FLOWS_KEY: key, FLOWS_CHROMIUM: executablePath = "/usr/bin/chromium" } = process.env;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
const figures = { firstVisit: [], again: [], byTheMenu: [], transferredBytes: [] };
try {
  for (let time = 0; time < times; time++) {
    const person = await Person.arrive(browser, url, key, []);
    const { page } = person;
    await page.addInitScript((value) => {
      sessionStorage.setItem("flows-api-key", value);
      // By the page's own clock: the first frame in which a row of the list is there.
      const look = (since, done) => {
        const frame = () => (document.querySelector("tbody tr") ? done(performance.now() - since) : requestAnimationFrame(frame));
        requestAnimationFrame(frame);
      };
      window.opened_ = new Promise((done) => look(0, done));
      window.reopened_ = () => new Promise((done) => look(performance.now(), done));
    }, key);
    const opened = () => page.evaluate(() => window.opened_);
    await page.goto(`${person.url}/runs`);
    figures.firstVisit.push(await opened());
    figures.transferredBytes.push(await page.evaluate(() => performance.getEntriesByType("resource").filter((entry) => /\/assets\//.test(entry.name)).reduce((sum, entry) => sum + entry.encodedBodySize, 0)));
    await page.reload();
    figures.again.push(await opened());
    await page.getByRole("link", { name: "Connections" }).click();
    await page.waitForURL(/\/connections$/);
    await page.locator("tbody tr").first().waitFor({ state: "detached" });
    figures.byTheMenu.push(
      await page.evaluate(() => {
        const shown = window.reopened_();
        [...document.querySelectorAll("nav a")].find((link) => link.textContent.trim() === "Runs").click();
        return shown;
      }),
    );
    await page.context().close();
  }
  for (const [name, values] of Object.entries(figures)) {
    const sorted = values.toSorted((a, b) => a - b);
    console.log(`${name}: median ${Math.round(sorted[Math.floor(sorted.length / 2)])}, longest ${Math.round(sorted.at(-1))}`);
  }
} finally {
  await browser.close();
}
