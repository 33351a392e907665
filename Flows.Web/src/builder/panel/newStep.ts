import { freeName, type Definition, type Step } from "../../flow/definition";

/** A new step as it comes from the picker. */
export function newStep(definition: Definition, choice: { kind: Step["kind"]; piece?: string; action?: string; title: string }): Step {
  const name = freeName(definition, choice.kind === "action" ? (choice.action ?? "step") : choice.kind === "respond" ? "answer" : choice.kind);
  const step: Step = { name, kind: choice.kind };
  switch (choice.kind) {
    case "action":
      return { ...step, title: choice.title, piece: choice.piece, action: choice.action, input: {} };
    case "code":
      return { ...step, language: "javascript", input: {}, source: "export default async (input) => {\n  return input;\n};\n" };
    case "router":
      return { ...step, mode: "first", branches: [{ name: "Yes", when: "{{true}}", steps: [] }, { name: "Otherwise", otherwise: true, steps: [] }] };
    case "loop":
      return { ...step, items: "{{[1, 2, 3]}}", steps: [] };
    case "wait":
      return { ...step, for: "delay", value: "00:01:00" };
    case "call":
      return { ...step, flow: "", input: {}, await: true };
    case "respond":
      return { ...step, status: 200, body: {} };
    case "stop":
      return step;
  }
}
