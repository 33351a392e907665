// node e2e/frames.mjs [STEPS]: how smoothly a large flow is edited, against the Flows at FLOWS_URL with the key FLOWS_KEY. It makes a flow of 200
// steps with branches and loops, opens it in Chromium, and prints for each thing that is done the frames in a second, the time under which
// 95 of 100 frames stay, and the longest frame. Nothing is asserted: the figures depend on the machine and on what else it does.
import { chromium } from "playwright-core";
import { Person } from "./person.mjs";

const steps = Number(process.argv[2] ?? 200);
const { FLOWS_URL: url, FLOWS_KEY: key, FLOWS_CHROMIUM: executablePath = "/usr/bin/chromium" } = process.env;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
try {
  const person = await Person.arrive(browser, url, key, [], { reducedMotion: "no-preference" });
  const { page } = person;
  const flow = await person.api("POST", "flows", { name: `${steps} steps`, definition: large(steps) });
  await person.signIn();
  const opened = Date.now();
  await page.goto(`${person.url}/flows/${flow.id}`);
  await person.step(/Trigger/).first().waitFor();
  const figures = { steps, openedMs: Date.now() - opened };
  await page.waitForLoadState("networkidle");

  figures.panning = await measured(page, async () => {
    await page.mouse.move(300, 500);
    await page.mouse.down();
    for (let at = 0; at < 120; at++) await page.mouse.move(300 + 150 * Math.sin(at / 12), 500 + 200 * Math.cos(at / 15));
    await page.mouse.up();
  });
  figures.wheel = await measured(page, async () => {
    await page.mouse.move(600, 500);
    for (let at = 0; at < 60; at++) await page.mouse.wheel(0, at < 30 ? 60 : -60);
  });
  await page.getByRole("button", { name: "Zoom In" }).click();
  await page.locator(".step-box").nth(3).click();
  const field = person.panel.getByLabel("Title", { exact: true });
  await field.click();
  figures.typing = await measured(page, () => page.keyboard.type("a title typed without any haste, letter after letter", { delay: 30 }));
  await person.button("Add a note to the canvas").click();
  const grip = page.getByRole("button", { name: "Move note 1", exact: true });
  await grip.scrollIntoViewIfNeeded();
  const box = await grip.boundingBox();
  figures.draggingANote = await measured(page, async () => {
    await page.mouse.move(box.x + 20, box.y + 8);
    await page.mouse.down();
    for (let at = 0; at < 100; at++) await page.mouse.move(box.x + 20 + at, box.y + 8 + 60 * Math.sin(at / 10));
    await page.mouse.up();
  });
  await person.api("DELETE", `flows/${flow.id}`);
  console.log(JSON.stringify(figures, null, 2));
} finally {
  await browser.close();
}

/** Frames are counted by the page itself while the work goes on. */
async function measured(page, work) {
  await page.evaluate(() => {
    const times = (window.frames_ = []);
    const tick = (now) => {
      times.push(now);
      window.counting_ = requestAnimationFrame(tick);
    };
    window.counting_ = requestAnimationFrame(tick);
  });
  await work();
  const times = await page.evaluate(() => (cancelAnimationFrame(window.counting_), window.frames_));
  const gaps = times.slice(1).map((time, at) => time - times[at]).sort((a, b) => a - b);
  const spent = times.at(-1) - times[0];
  const round = (value) => Math.round(value * 10) / 10;
  return { framesPerSecond: round(((times.length - 1) / spent) * 1000), p95Ms: round(gaps[Math.floor(gaps.length * 0.95)]), longestMs: round(gaps.at(-1)) };
}

function large(count) {
  const code = (number) => ({ name: `step_${number}`, title: `Step number ${number}`, kind: "code", language: "javascript", input: { x: "{{trigger.body}}" }, source: "export default ({ x }) => x;" });
  const all = [];
  for (let number = 1; number <= count; ) {
    if (number % 20 === 5) {
      all.push({ name: `step_${number}`, kind: "router", mode: "first", branches: [{ name: "A", when: "{{true}}", steps: [code(number + 1), code(number + 2)] }, { name: "Otherwise", otherwise: true, steps: [code(number + 3)] }] });
      number += 4;
    } else if (number % 20 === 15) {
      all.push({ name: `step_${number}`, kind: "loop", items: "{{[1, 2]}}", steps: [code(number + 1), code(number + 2)] });
      number += 3;
    } else all.push(code(number++));
  }
  return { schema: 1, trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} }, steps: all };
}
