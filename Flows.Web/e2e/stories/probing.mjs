// Whatever can be given a name is given one that is markup. Every page shows it as the text it is, and is without a serious finding of axe.
import { assert } from "../person.mjs";
import { check } from "./reading.mjs";

const probe = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";
const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [{ name: "say", title: probe, kind: "code", language: "javascript", input: { said: "{{trigger.said}}" }, source: "export default ({ said }) => { if (said.fail) throw new Error(said.fail); return said; };" }],
};

export default async function (person) {
  const { page } = person;
  const mark = Date.now().toString(36);
  const folder = await person.api("POST", "folders", { name: `${mark} ${probe}` });
  const flow = await person.api("POST", "flows", { name: `Probe ${mark} ${probe}`, folderId: folder.id, tags: ["<script>document.title='taken'</script>"], definition });
  const gone = await person.api("POST", "flows", { name: `Gone ${mark} ${probe}` });
  await person.api("DELETE", `flows/${gone.id}`);
  await person.api("POST", "connections", { key: `probe_${mark}`, name: `Kept ${probe}`, kind: "basic", value: { username: probe, password: "not to be seen" } });
  await person.api("PUT", `variables/probe_${mark}`, { value: { text: probe } });
  await person.api("POST", "api-keys", { name: `Key ${probe}`, role: "Viewer" });
  await person.api("PUT", `oauth-apps/probe_${mark}`, { clientId: probe, name: `App ${probe}` });
  const start = (body) => person.api("POST", `flows/${flow.id}/draft/runs?wait=45`, body);
  const [one, other] = [await start({ said: { text: probe, list: [{ [probe]: probe }] } }), await start({ said: { fail: probe } })];
  assert.deepEqual([one.status, other.status], ["Succeeded", "Failed"]);

  await person.signIn();
  let count = 0;
  const look = async (path, words) => {
    await page.emulateMedia({ colorScheme: count++ % 2 === 0 ? "light" : "dark" });
    await page.goto(`${person.url}${path}`);
    await page.getByText(words).first().waitFor();
    await check(page, path);
    assert.notEqual(await page.title(), "taken", path);
  };
  await look(`/flows?folder=${folder.id}`, `Probe ${mark} <img`);
  await look("/flows/deleted", `Gone ${mark} <img`);
  await look(`/runs?flow=${flow.id}`, "Error: <img");
  await look(`/runs/${other.id}?step=say`, "Error: <img");
  await look(`/runs/${one.id}?step=say`, "object, 2");
  const output = person.panel.getByRole("region", { name: "Output" });
  await person.button("raw", output).click();
  await output.getByText("<img src=x").waitFor();
  await look(`/runs/compare?left=${one.id}&right=${other.id}`, "Error: <img");
  await look("/connections", "Kept <img");
  await look("/variables", `probe_${mark}`);
  await look("/keys", "Key <img");
  await look(`/audit?target=flow:${gone.id}`, "flow.deleted");
  await page.getByText("before and after").first().click();
  await page.getByText(`Gone ${mark} <img`).first().waitFor();
  await look("/settings", "Runs at a time");
  await look("/operate", "Oldest waits");
  await look("/operate?tab=triggers", "Triggers");
  await look("/operate?tab=dead", "Dead letters");
  await look("/operate?tab=health", "PostgreSql");
  await look("/operate?tab=storage", "run_steps");
  assert.notEqual(await page.title(), "taken");
}
