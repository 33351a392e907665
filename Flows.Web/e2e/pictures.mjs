// node e2e/pictures.mjs FOLDER: the pictures of docs/images that show a canvas or a list, against the Flows at FLOWS_URL with the key FLOWS_KEY; each in
// light and in dark, 1440 and 1024 wide. Those that the documents show are then picked by hand: look at all of them.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Person } from "./person.mjs";

const folder = process.argv[2];
const { FLOWS_URL: url, FLOWS_KEY: key, FLOWS_CHROMIUM: executablePath = "/usr/bin/chromium" } = process.env;
const sample = (name, file) => JSON.parse(readFileSync(new URL(`../../samples/${name}/${file}.json`, import.meta.url), "utf8"));
const shipping = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [
    { name: "load", title: "Load the order", kind: "code", language: "javascript", input: { body: "{{trigger.body}}" }, source: "export default ({ body }) => ({ ...body, lines: [{ sku: 'A-7', count: 2 }, { sku: 'B-1', count: 1 }, { sku: 'C-3', count: 5 }] });" },
    { name: "each", title: "Each line", kind: "loop", items: "{{load.lines}}", parallel: 3, steps: [{ name: "ship", title: "Ship it", kind: "code", language: "javascript", input: { line: "{{each.item}}", refuse: "{{load.refuse ?? ''}}" }, source: "export default ({ line, refuse }) => {\n  if (line.sku === refuse) throw new Error(`${line.sku} is not in stock.`);\n  return { sku: line.sku, shipped: line.count };\n};" }] },
    { name: "size", title: "How large is it?", kind: "router", mode: "first", branches: [{ name: "Big order", when: "{{each.results.length > 2}}", steps: [{ name: "tell", title: "Tell the warehouse", kind: "code", language: "javascript", input: {}, source: "export default () => 'told';" }] }, { name: "Otherwise", otherwise: true, steps: [] }] },
    { name: "answer", title: "Answer", kind: "respond", status: 200, body: { shipped: "{{each.results.map(line => line.sku)}}" } },
  ],
};

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
try {
  const person = await Person.arrive(browser, url, key);
  const order = await person.api("POST", "flows", { name: "Order total", definition: sample("order-total", "flow") });
  const ship = await person.api("POST", "flows", { name: "Ship order lines", definition: shipping });
  for (const flow of [order, ship]) await person.api("POST", `flows/${flow.id}/publish`, {});
  const start = (flow, payload) => person.api("POST", `flows/${flow.id}/runs?wait=45`, payload);
  await start(order, sample("order-total", "payload"));
  const good = await start(ship, { body: { order: 7 } });
  const bad = await start(ship, { body: { order: 8, refuse: "B-1" } });
  for (let more = 0; more < 12; more++) await (more % 3 === 0 ? start(order, sample("order-total", "payload")) : start(ship, { body: { order: more, ...(more % 5 === 4 ? { refuse: "C-3" } : {}) } }));
  const { page } = person;
  await person.signIn();
  const pictures = [
    ["builder", `/flows/${order.id}`, async () => {
      await person.step(/^size/).click();
      await person.panel.getByText("Branches").first().waitFor();
    }],
    ["run", `/runs/${good.id}?step=ship`, () => person.panel.getByText("A-7").first().waitFor()],
    ["run-failed", `/runs/${bad.id}?step=ship`, () => page.getByRole("alert").getByText("not in stock").first().waitFor()],
    ["flows", "/flows", () => page.getByRole("link", { name: "Ship order lines" }).first().waitFor()],
    ["runs", "/runs", () => page.locator("tbody tr").nth(5).waitFor()],
  ];
  for (const width of [1440, 1024])
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height: width === 1440 ? 900 : 768 });
      await page.emulateMedia({ colorScheme });
      for (const [name, path, ready] of pictures) {
        await page.goto(`${person.url}${path}`);
        await ready();
        await page.waitForTimeout(600); // the canvas comes to rest
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`) });
      }
    }
} finally {
  await browser.close();
}
