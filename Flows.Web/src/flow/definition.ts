/** The flow definition, version 1, as the API stores it. Fields that this editor does not know are kept as they are. */
export interface Definition {
  schema: 1;
  trigger: Trigger;
  steps: Step[];
  notes?: Note[];
}

/** A note beside the steps, at a place of the canvas in pixels. */
export interface Note {
  text: string;
  x: number;
  y: number;
  color?: "yellow" | "blue" | "green" | "red";
}

export interface Trigger {
  name?: string;
  piece: string;
  event: string;
  input?: Record<string, unknown>;
  connection?: string;
}

export type StepKind = "action" | "code" | "router" | "loop" | "wait" | "call" | "respond" | "stop";

export interface Step {
  name: string;
  kind: StepKind;
  title?: string;
  note?: string;
  skip?: boolean;
  onError?: "stop" | "continue" | { steps: Step[] };
  retry?: { attempts?: number; delay?: string; backoff?: number; on?: string[] };
  timeout?: string;
  onUncertain?: "ask" | "retry" | "fail";
  piece?: string;
  action?: string;
  connection?: string;
  input?: unknown;
  language?: string;
  source?: string;
  effect?: "pure" | "idempotent" | "effect";
  mode?: "first" | "all" | "parallel";
  branches?: Branch[];
  items?: unknown;
  parallel?: number;
  onItemError?: "stop" | "continue";
  steps?: Step[];
  for?: "delay" | "until" | "webhook" | "approval";
  value?: string;
  approvers?: number;
  expires?: string;
  message?: unknown;
  flow?: string;
  await?: boolean;
  asFailed?: boolean;
  output?: unknown;
  status?: unknown;
  headers?: Record<string, unknown>;
  body?: unknown;
  [other: string]: unknown;
}

export interface Branch {
  name: string;
  when?: unknown;
  otherwise?: boolean;
  steps: Step[];
}

/** Where a list of steps hangs: the flow itself, a loop, a branch of a router, or the failure branch of a step. */
export type ListPlace =
  | { in: "flow" }
  | { in: "loop"; step: string }
  | { in: "branch"; step: string; branch: number }
  | { in: "failure"; step: string };

export interface Place {
  list: ListPlace;
  index: number;
}

/** The lists of steps directly inside a step, each with its place. */
export function listsOf(step: Step): { place: ListPlace; steps: Step[] }[] {
  const lists: { place: ListPlace; steps: Step[] }[] = [];
  if (step.kind === "loop") lists.push({ place: { in: "loop", step: step.name }, steps: step.steps ?? [] });
  if (step.kind === "router")
    (step.branches ?? []).forEach((branch, index) => lists.push({ place: { in: "branch", step: step.name, branch: index }, steps: branch.steps }));
  if (typeof step.onError === "object") lists.push({ place: { in: "failure", step: step.name }, steps: step.onError.steps });
  return lists;
}

/** Every step, outer before inner, with the place it is at. */
export function* walk(steps: Step[], list: ListPlace = { in: "flow" }): Generator<{ step: Step; place: Place }> {
  for (const [index, step] of steps.entries()) {
    yield { step, place: { list, index } };
    for (const inner of listsOf(step)) yield* walk(inner.steps, inner.place);
  }
}

export function findStep(definition: Definition, name: string): { step: Step; place: Place } | undefined {
  for (const found of walk(definition.steps)) if (found.step.name === name) return found;
  return undefined;
}

function withList(step: Step, list: ListPlace, change: (steps: Step[]) => Step[]): Step {
  switch (list.in) {
    case "loop":
      return { ...step, steps: change(step.steps ?? []) };
    case "branch":
      return { ...step, branches: (step.branches ?? []).map((branch, index) => (index === list.branch ? { ...branch, steps: change(branch.steps) } : branch)) };
    case "failure":
      return typeof step.onError === "object" ? { ...step, onError: { steps: change(step.onError.steps) } } : step;
    case "flow":
      return step;
  }
}

/** Replaces each step by what `change` gives for it, inner ones first; null removes it. */
function mapSteps(steps: Step[], change: (step: Step) => Step | null): Step[] {
  return steps.flatMap((step) => {
    let next = step;
    for (const inner of listsOf(step)) next = withList(next, inner.place, (list) => mapSteps(list, change));
    const changed = change(next);
    return changed === null ? [] : [changed];
  });
}

export function updateStep(definition: Definition, name: string, change: (step: Step) => Step): Definition {
  return { ...definition, steps: mapSteps(definition.steps, (step) => (step.name === name ? change(step) : step)) };
}

export function insertStep(definition: Definition, place: Place, step: Step): Definition {
  const insert = (steps: Step[]) => [...steps.slice(0, place.index), step, ...steps.slice(place.index)];
  const list = place.list;
  if (list.in === "flow") return { ...definition, steps: insert(definition.steps) };
  return updateStep(definition, list.step, (owner) => withList(owner, list, insert));
}

export function removeStep(definition: Definition, name: string): Definition {
  return { ...definition, steps: mapSteps(definition.steps, (step) => (step.name === name ? null : step)) };
}

/** True when the place lies inside the step, so that the step cannot be moved there. */
export function isInside(step: Step, list: ListPlace): boolean {
  if (list.in === "flow") return false;
  if (list.step === step.name) return true;
  return [...walk([step])].some(({ step: inner }) => inner.name === list.step);
}

export function moveStep(definition: Definition, name: string, to: Place): Definition {
  const found = findStep(definition, name);
  if (!found || isInside(found.step, to.list)) return definition;
  const from = found.place;
  const index = isSameList(from.list, to.list) && from.index < to.index ? to.index - 1 : to.index;
  return insertStep(removeStep(definition, name), { list: to.list, index }, found.step);
}

const reserved = new Set([
  "trigger", "run", "flow", "errors", "connections", "vars", "true", "false", "null", "undefined", "in", "typeof", "if", "else", "and", "or", "not",
]);

/** A name that no step has yet: lower case, digits and `_`, at most 64 characters. */
export function freeName(definition: Definition, wish: string, alsoTaken: ReadonlySet<string> = new Set()): string {
  const base = wish.toLowerCase().replace(/[^a-z0-9_]+/g, "_").replace(/^[^a-z_]+|_+$/g, "").slice(0, 48) || "step";
  const taken = new Set([...[...walk(definition.steps)].map(({ step }) => step.name), ...alsoTaken, ...reserved]);
  if (!taken.has(base)) return base;
  for (let number = 2; ; number++) if (!taken.has(`${base}_${number}`)) return `${base}_${number}`;
}

/** A copy of a step, and of all in it, under names that are free; references inside the copy follow. */
export function copyStep(definition: Definition, step: Step): Step {
  const names = new Map<string, string>();
  for (const { step: inner } of walk([step])) names.set(inner.name, freeName(definition, inner.name, new Set(names.values())));
  const copy = mapSteps([step], (inner) => ({ ...inner, name: names.get(inner.name) ?? inner.name }))[0] as Step;
  return [...names].reduce((result, [from, to]) => replaceReferences(result, from, to), copy);
}

/** Gives a step another name, and lets every expression of the flow follow. */
export function renameStep(definition: Definition, from: string, to: string): Definition {
  const renamed = updateStep(definition, from, (step) => ({ ...step, name: to }));
  return { ...renamed, steps: renamed.steps.map((step) => replaceReferences(step, from, to)) };
}

/** Replaces references to a step within `{{ … }}` of every string. What stands inside a quoted text of an expression is left alone, and so is `x.name`. */
export function replaceReferences<T>(value: T, from: string, to: string): T {
  if (typeof value === "string") return replaceInText(value, from, to) as T;
  if (Array.isArray(value)) return value.map((item) => replaceReferences(item as unknown, from, to)) as T;
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, key === "source" ? item : replaceReferences(item as unknown, from, to)])) as T;
  return value;
}

function replaceInText(text: string, from: string, to: string): string {
  return text.replace(/\{\{([\s\S]*?)\}\}/g, (_, inside: string) => {
    // Texts in quotes stay, save those by which links name their step.
    const replaced = inside.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\.?\s*\b[A-Za-z_]\w*/g, (token) => {
      if (token === from) return to;
      if (/^\s+/.test(token) && token.trim() === from) return token.replace(from, to);
      return token;
    });
    return `{{${replaced.replace(new RegExp(`\\berrors\\.${from}\\b`, "g"), `errors.${to}`)
      .replace(new RegExp(`\\b(resumeUrl|approvalUrl)\\((['"])${from}\\2`, "g"), `$1($2${to}$2`)}}}`;
  });
}

/** The steps whose outputs an expression of this step may use, nearest first: those before it in its own list and in the lists around it. */
export function stepsBefore(definition: Definition, name: string): Step[] {
  const before: Step[] = [];
  const search = (steps: Step[], seen: Step[]): boolean => {
    const here = [...seen];
    for (const step of steps) {
      if (step.name === name) {
        before.push(...here.reverse());
        return true;
      }
      for (const inner of listsOf(step)) {
        const visible = inner.place.in === "loop" ? [...here, step] : here;
        if (search(inner.steps, visible)) return true;
      }
      here.push(step);
    }
    return false;
  };
  search(definition.steps, []);
  return before;
}

/** The JSON path of the API's problems (`$.steps[0].branches[1].steps[2].input.url`) as the step it is in and the field within it. */
export function placeOfProblem(definition: Definition, path: string): { step: string | null; field: string } {
  const parts = [...path.matchAll(/\.([A-Za-z_]\w*)|\[(\d+)\]/g)].map((match) => match[1] ?? Number(match[2]));
  let value: unknown = definition;
  let step: string | null = null;
  let field: (string | number)[] = [];
  for (const [index, part] of parts.entries()) {
    const parent = parts[index - 1];
    value = (value as Record<string | number, unknown> | undefined)?.[part];
    field.push(part);
    if (typeof part === "number" && parent === "steps" && value && typeof value === "object" && "kind" in value) {
      step = (value as Step).name;
      field = [];
    }
  }
  return { step, field: field.reduce<string>((text, part) => (typeof part === "number" ? `${text}[${part}]` : text ? `${text}.${part}` : part), "") };
}

/** The loops around a step, the outermost first: in each of them its name stands for the item that is gone through. */
export function loopsAround(definition: Definition, name: string): Step[] {
  const path = (steps: Step[]): Step[] | null => {
    for (const step of steps) {
      if (step.name === name) return [];
      for (const inner of listsOf(step)) {
        const found = path(inner.steps);
        if (found) return inner.place.in === "loop" ? [step, ...found] : found;
      }
    }
    return null;
  };
  return path(definition.steps) ?? [];
}

/** Where a step goes when it is moved by one: past its neighbour, out of its list at the ends of it; null when there is nowhere. */
export function placeBeside(definition: Definition, name: string, by: -1 | 1): Place | null {
  const found = findStep(definition, name);
  if (!found) return null;
  const { list, index } = found.place;
  const length = list.in === "flow" ? definition.steps.length : (listsOf(findStep(definition, list.step)?.step as Step).find((inner) => isSameList(inner.place, list))?.steps.length ?? 0);
  if (by === -1 && index > 0) return { list, index: index - 1 };
  if (by === 1 && index < length - 1) return { list, index: index + 2 };
  if (list.in === "flow") return null;
  const owner = findStep(definition, list.step)?.place;
  return owner ? { list: owner.list, index: owner.index + (by === 1 ? 1 : 0) } : null;
}

export const isSameList = (a: ListPlace, b: ListPlace) => JSON.stringify(a) === JSON.stringify(b);
