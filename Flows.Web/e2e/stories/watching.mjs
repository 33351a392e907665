// Somebody watches thirty steps go by, on the canvas of the builder and on that of the run: each is there before the run has gone on to its end. The
// figures are told, not asserted: from the end of a step, by the clock of its worker on this machine, to the frame in which its box shows it.
import { assert, until } from "../person.mjs";

const count = 30;
const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [
    ...Array.from({ length: count }, (_, at) => ({ name: `s${at + 1}`, kind: "code", language: "javascript", input: {}, source: `export default () => new Promise((done) => setTimeout(done, 100, ${at}));` })),
    { name: "hold", kind: "wait", for: "approval", message: "Go on?" },
  ],
};

export default async function (person) {
  const flow = await person.api("POST", "flows", { name: "Watched", definition });
  await person.signIn(`/flows/${flow.id}`);
  await person.saved();
  await person.button("Test").click();
  await look(person);
  await person.button("Run", person.panel).click();
  await person.step(/^hold.*Paused/).waitFor();
  const tested = (await person.api("GET", `runs?flow=${flow.id}&limit=1`)).items[0];
  const inBuilder = await lags(person, tested.id, "in the builder");
  await person.api("POST", `runs/${tested.id}/cancel`);

  const run = await person.api("POST", `flows/${flow.id}/draft/runs`, {});
  await person.page.goto(`${person.url}/runs/${run.id}`);
  await person.step(/^s1,/).waitFor();
  await look(person);
  await person.step(/^hold.*Paused/).waitFor();
  const onRun = await lags(person, run.id, "on the page of the run");
  await person.api("POST", `runs/${run.id}/cancel`);
  return `${inBuilder}; ${onRun}`;
}

/** Notes the frame in which each box is first shown as done. */
const look = ({ page }) =>
  page.evaluate(() => {
    const shown = (window.shown_ = {});
    const note = () => {
      for (const box of document.querySelectorAll(".step-box.good")) if (!(box.dataset.step in shown)) requestAnimationFrame(() => (shown[box.dataset.step] ??= Date.now()));
    };
    for (const box of document.querySelectorAll(".step-box.good")) shown[box.dataset.step] = 0;
    new MutationObserver(note).observe(document.querySelector(".canvas"), { subtree: true, attributes: true, attributeFilter: ["class"], childList: true });
  });

async function lags(person, runId, where) {
  const shown = await until(`every step was shown ${where}`, async () => {
    const now = await person.page.evaluate(() => window.shown_);
    return Object.keys(now).filter((name) => name.startsWith("s")).length === count && now;
  });
  const steps = (await person.api("GET", `runs/${runId}/steps?limit=100`)).items;
  const found = steps.filter((step) => shown[step.name]).map((step) => shown[step.name] - (new Date(step.startedAt).getTime() + Number(step.durationMs)));
  assert.ok(found.length > 0, `no step was seen ${where}`);
  return `${where} ${found.length} steps, mean ${Math.round(found.reduce((sum, lag) => sum + lag, 0) / found.length)} ms, longest ${Math.round(Math.max(...found))} ms`;
}
