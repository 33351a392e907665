import { copyStep, type Definition, type Step } from "./definition";

const kinds = new Set(["action", "code", "router", "loop", "wait", "call", "respond", "stop"]);

/** A step as text: what is put on the clipboard, so that it can be pasted into another flow, another tab or an editor. */
export const stepAsText = (step: Step) => JSON.stringify({ "flows/step": 1, step }, null, 2);

/** The step in a text from the clipboard; null when there is none. */
export function stepFromText(text: string): Step | null {
  try {
    const parsed = JSON.parse(text) as { "flows/step"?: unknown; step?: Step };
    return parsed["flows/step"] === 1 && isStep(parsed.step) ? parsed.step : null;
  } catch {
    return null;
  }
}

function isStep(value: unknown): value is Step {
  const step = value as Step | null | undefined;
  if (!step || typeof step !== "object" || typeof step.name !== "string" || !kinds.has(step.kind)) return false;
  const inner = [...(step.steps ?? []), ...(step.branches ?? []).flatMap((branch) => branch.steps ?? []), ...(typeof step.onError === "object" ? (step.onError.steps ?? []) : [])];
  return inner.every(isStep);
}

/** The step with names that are free in this flow. */
export const pasted = (definition: Definition, text: string): Step | null => {
  const step = stepFromText(text);
  return step && copyStep(definition, step);
};
