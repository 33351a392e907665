// Somebody gives a project limits and a default of its own, makes it one for tests, and finds the page that kills a worker, and the reference of the API.
import { assert, until } from "../person.mjs";
import { check } from "./reading.mjs";

const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "manual", event: "run", input: {} },
  steps: [{ name: "pay", kind: "code", language: "javascript", effect: "effect", input: {}, source: "export default () => 1;" }],
};

export default async function (person) {
  const { page } = person;
  await person.signIn("/settings");
  const id = (await person.api("GET", "me")).project.id;
  const stored = () => person.api("GET", `projects/${id}`);
  const before = await stored();
  const save = person.button("Save");
  const field = (label) => page.getByLabel(label, { exact: true });
  try {
    await page.getByText("0 takes the default of the installation: 10 minutes. The installation lets a project have 10 minutes at most.").waitFor();
    await field("Time for one run, in seconds").fill("two hours");
    await page.getByRole("alert").getByText("A whole number from 0 to 600.").waitFor();
    assert.equal(await save.isDisabled(), true);
    await check(page, "settings with a wrong limit");
    await field("Time for one run, in seconds").fill("601");
    await page.getByRole("alert").getByText("A whole number from 0 to 600.").waitFor();
    await field("Time for one run, in seconds").fill("300");
    await field("Days that a run may wait").fill("14");
    await field("Webhook calls a minute").fill("1000000");
    await page.getByText("The run waits until a person says that it happened").waitFor();
    await field("When a crash leaves it unknown whether a step happened").selectOption("Fail");
    await page.getByText("The step fails, as with any other error").waitFor();
    await page.getByRole("switch", { name: "This is a test project" }).check();
    await save.click();
    const now = await until("the limits are kept", async () => {
      const project = await stored();
      return project.isTest ? project : null;
    });
    assert.deepEqual([now.runTimeoutSeconds, now.pausedDays, now.webhookPerMinute, now.onUncertain, now.concurrentRuns], [300, 14, 1_000_000, "fail", before.concurrentRuns]);
    await page.getByRole("link", { name: "Kill a worker" }).waitFor();
    await page.reload();
    await until("they are shown again", async () => (await field("Days that a run may wait").inputValue()) === "14");
    await check(page, "settings of a test project");

    const flow = await person.api("POST", "flows", { name: "As the project has it", definition });
    await page.goto(`${person.url}/flows/${flow.id}`);
    await person.step(/^pay/).click();
    await person.panel.getByText("Errors, retries and time").click();
    const policy = person.panel.getByLabel("When a crash leaves it unknown whether it happened");
    await until("the step follows the project", async () => (await policy.locator("option:checked").textContent()) === "As the project has it (Fail)");
    await policy.selectOption("Ask a person");
    const said = async () => (await person.api("GET", `flows/${flow.id}/draft`)).steps[0].onUncertain;
    await until("the step says something else", async () => (await said()) === "ask");
    await policy.selectOption("As the project has it (Fail)");
    await until("it says nothing again", async () => (await said()) === undefined);

    await page.getByRole("navigation").getByRole("link", { name: "Operate" }).click();
    assert.ok((await page.getByRole("link", { name: "Kill a worker" }).getAttribute("href")).endsWith(`/admin/chaos?project=${id}`));
    await page.getByRole("navigation").getByRole("link", { name: "API reference" }).click();
    await page.waitForURL(/\/docs$/);
    await page.getByText("runTimeoutSeconds").first().waitFor({ state: "attached" });
  } finally {
    const { runTimeoutSeconds, pausedDays, webhookPerMinute, onUncertain, isTest } = before;
    await person.api("PATCH", `projects/${id}`, { runTimeoutSeconds, pausedDays, webhookPerMinute, onUncertain, isTest });
  }
}
