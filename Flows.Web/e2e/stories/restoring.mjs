// A published flow is changed; publishing says what becomes different, and the first version is looked at beside the draft and brought back.
import { assert, until } from "../person.mjs";
import { check } from "./reading.mjs";

const code = (name, source) => ({ name, kind: "code", language: "javascript", input: {}, source });
const definition = {
  schema: 1,
  trigger: { name: "trigger", piece: "webhook", event: "catch", input: {} },
  steps: [code("first", "export default () => 1;"), code("second", "export default () => 2;"), code("third", "export default () => 3;"), code("gone", "export default () => 4;")],
};

export default async function (person) {
  const { page } = person;
  const flow = await person.api("POST", "flows", { name: "Compared", definition });
  await person.api("POST", `flows/${flow.id}/publish`, {});
  await person.signIn(`/flows/${flow.id}`);

  await person.step(/^third/).dragTo(person.button("Add a step").first());
  await until("the third step is the first", async () => (await person.api("GET", `flows/${flow.id}/draft`)).steps[0].name === "third");
  await person.step(/^second/).click();
  await person.panel.getByLabel("Title", { exact: true }).fill("Twice");
  await person.panel.getByLabel("Note", { exact: true }).fill("Ida asked for this");
  await person.step(/^gone/).click();
  await person.button("Delete", person.panel).click();
  await person.addStep("respond", -1);
  await person.saved();

  await person.button("Publish").click();
  const dialog = page.getByRole("dialog");
  const changes = dialog.getByRole("region", { name: "What changes" });
  await changes.getByText("Since version 1: 1 added, 1 removed, 1 moved, 1 changed").waitFor();
  await changes.getByText("Ida asked for this").waitFor();
  await person.button("See it on the canvas", changes).click();
  const [before, after] = [dialog.getByRole("region", { name: "Version 1" }), dialog.getByRole("region", { name: "Draft" })];
  await person.button(/^gone.*removed/, before).waitFor();
  await person.button(/^answer.*added/, after).waitFor();
  await person.button(/^third.*moved/, after).waitFor();
  await person.button(/^Twice.*changed/, after).waitFor();
  assert.equal(await before.getByRole("button", { name: /answer/ }).count(), 0);
  await dialog.getByLabel("What has changed (optional)").fill("Answers now");
  await person.button("Publish", dialog).click();
  await dialog.waitFor({ state: "hidden" });

  await person.button("Versions").click();
  await person.button(/^Version 1/, dialog).click();
  await dialog.getByText("1 added, 1 removed, 1 moved, 1 changed").waitFor();
  // Both in one picture: what is gone stands where it was, with its word in the box, and the keyboard goes from one difference to the next.
  await person.button("In one picture", dialog).click();
  const picture = dialog.getByRole("region", { name: "Version 1 and Draft in one picture" });
  for (const box of [/^gone.*removed/, /^answer.*added/, /^third.*moved/, /^Twice.*changed/]) await person.button(box, picture).waitFor();
  await picture.getByText("removed", { exact: true }).waitFor();
  await person.button("Next difference", dialog).focus();
  const told = [];
  for (let press = 0; press < 4; press++) {
    await page.keyboard.press("Enter");
    told.push(await dialog.getByRole("status").innerText());
  }
  assert.deepEqual(told, ["1 of 4: third moved", "2 of 4: Twice changed", "3 of 4: answer added", "4 of 4: gone removed"]);
  assert.equal(await person.button(/^gone.*removed/, picture).getAttribute("aria-pressed"), "true");
  await check(page, "two versions in one picture");
  await person.button("Restore version 1", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  await person.step(/^gone/).waitFor();
  const names = async () => (await person.api("GET", `flows/${flow.id}/draft`)).steps.map((step) => step.name).join(" ");
  assert.equal(await names(), "first second third gone");

  // What was before the restoring is one step back, also after the page was loaded anew.
  await page.reload();
  await person.step(/^gone/).waitFor();
  await person.button("Undo").click();
  await person.step(/^answer/).waitFor();
  await until("the undone draft is saved", async () => (await names()) === "third first second answer");
  assert.equal((await person.api("GET", `flows/${flow.id}`)).publishedVersion, 2);
}
