// A run fails in its second step; the person sees where, gives that step another input, and the run goes on from there.
import { assert } from "../person.mjs";

const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [
    { name: "first", kind: "code", language: "javascript", input: {}, source: "export default () => 1;" },
    { name: "second", kind: "code", language: "javascript", input: { ok: false }, source: "export default ({ ok }) => { if (!ok) throw new Error('This <b>will</b> not do.'); return 'done'; };" },
  ],
};

export default async function (person) {
  const flow = await person.api("POST", "flows", { name: "Retried", definition });
  await person.signIn(`/flows/${flow.id}`);
  await person.saved();
  await person.button("Test").click();
  await person.button("Run", person.panel).click();
  await person.step(/^second.*Failed/).waitFor();
  await person.panel.getByRole("link", { name: "Open the run" }).click();
  await person.run("Failed");
  await person.page.getByRole("alert").getByText("This <b>will</b> not do.").first().waitFor();
  await person.step(/^second/).click();
  await person.button("Retry from here").click();
  const dialog = person.page.getByRole("dialog");
  await person.code("Input, edited", '{ "ok": true }', dialog);
  await person.button("Retry", dialog).click();
  await person.run("Succeeded");
  await person.step(/^second/).click();
  await person.panel.getByText("done", { exact: true }).waitFor();
  assert.match(person.page.url(), /\/runs\//);
}
