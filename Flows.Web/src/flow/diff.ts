import { text } from "../text";
import { walk, type Definition, type ListPlace, type Step, type Trigger } from "./definition";

export type Mark = "added" | "removed" | "moved" | "changed";

/** A field of a step that differs; undefined where it was not there, or is there no more. */
export interface FieldChange {
  field: string;
  from: unknown;
  to: unknown;
}

export interface StepChange {
  /** Null: the trigger, or the notes on the canvas. */
  step: string | null;
  title: string;
  /** Moved and changed may come together; added and removed stand alone. */
  marks: Mark[];
  fields: FieldChange[];
  /** Of a move: the list it was in and the list it is in. */
  from?: string;
  to?: string;
}

/** What differs between two definitions, by the names of the steps: the trigger first, then in the order of the second, then what is gone. The API tells the same of stored versions. */
export function diff(before: Definition, after: Definition): StepChange[] {
  const [old, now] = [index(before), index(after)];
  const moved = moves(old, now);
  const changes: StepChange[] = [];
  const trigger = fieldChanges(ownOfTrigger(before.trigger), ownOfTrigger(after.trigger));
  if (trigger.length > 0) changes.push({ step: null, title: "Trigger", marks: ["changed"], fields: trigger });
  for (const [name, placed] of now) {
    const was = old.get(name);
    if (!was) {
      changes.push({ step: name, title: titleOf(placed.step), marks: ["added"], fields: [] });
      continue;
    }
    const fields = fieldChanges(own(was.step), own(placed.step));
    const marks: Mark[] = [...(moved.has(name) ? ["moved" as const] : []), ...(fields.length > 0 ? ["changed" as const] : [])];
    if (marks.length > 0) changes.push({ step: name, title: titleOf(placed.step), marks, fields, ...(moved.has(name) ? { from: was.place, to: placed.place } : {}) });
  }
  for (const [name, placed] of old) if (!now.has(name)) changes.push({ step: name, title: titleOf(placed.step), marks: ["removed"], fields: [] });
  if (JSON.stringify(before.notes ?? []) !== JSON.stringify(after.notes ?? []))
    changes.push({ step: null, title: text.build.canvasNotes, marks: ["changed"], fields: [{ field: "notes", from: before.notes, to: after.notes }] });
  return changes;
}

/** The colour of each box on one side of the comparison, or of both in one picture. */
export function marksOf(changes: StepChange[], side: "before" | "after" | "both"): Map<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const change of changes) {
    const id = change.step ?? (change.title === "Trigger" ? "trigger" : null);
    const mark = change.marks.includes("changed") && !change.marks.includes("moved") ? "changed" : change.marks[0];
    if (id !== null && mark && !(mark === "added" && side === "before") && !(mark === "removed" && side === "after")) marks.set(id, mark);
  }
  return marks;
}

/** `2 added, 1 changed`; empty when nothing differs. */
export function inWords(changes: StepChange[]): string {
  const words: Mark[] = ["added", "removed", "moved", "changed"];
  return words
    .map((mark) => [mark, changes.filter((change) => change.marks.includes(mark)).length] as const)
    .filter(([, count]) => count > 0)
    .map(([mark, count]) => `${count} ${mark}`)
    .join(", ");
}

interface Placed {
  step: Step;
  place: string;
  position: number;
}

const titleOf = (step: Step) => step.title ?? step.name;

function index(definition: Definition): Map<string, Placed> {
  const steps = new Map<string, Placed>();
  const branches = new Map<string, string>();
  for (const { step, place } of walk(definition.steps)) {
    step.branches?.forEach((branch, at) => branches.set(`${step.name}/${at}`, branch.name));
    if (!steps.has(step.name)) steps.set(step.name, { step, place: placeOf(place.list, branches), position: place.index });
  }
  return steps;
}

function placeOf(list: ListPlace, branches: ReadonlyMap<string, string>): string {
  switch (list.in) {
    case "flow":
      return "the flow";
    case "loop":
      return `the loop ${list.step}`;
    case "branch":
      return `${list.step}, branch ${branches.get(`${list.step}/${list.branch}`) ?? list.branch}`;
    case "failure":
      return `${list.step}, on error`;
  }
}

// Of the steps that stayed in their list, those outside the longest part that kept its order have moved.
function moves(before: ReadonlyMap<string, Placed>, after: ReadonlyMap<string, Placed>): Set<string> {
  const moved = new Set<string>();
  const lists = new Map<string, string[]>();
  for (const [name, { place }] of after) if (before.has(name)) lists.set(place, [...(lists.get(place) ?? []), name]);
  for (const [place, names] of lists) {
    const stayed = names.filter((name) => before.get(name)?.place === place);
    const kept = rising(stayed.map((name) => before.get(name)?.position ?? 0));
    for (const name of names) if (before.get(name)?.place !== place || !kept.has(before.get(name)?.position ?? 0)) moved.add(name);
  }
  return moved;
}

/** The longest rising part of a list of different numbers. */
function rising(numbers: number[]): Set<number> {
  const length: number[] = [];
  const previous: number[] = [];
  let best = -1;
  numbers.forEach((number, at) => {
    length[at] = 1;
    previous[at] = -1;
    for (let before = 0; before < at; before++)
      if ((numbers[before] as number) < number && (length[before] as number) + 1 > (length[at] as number)) {
        length[at] = (length[before] as number) + 1;
        previous[at] = before;
      }
    if (best < 0 || (length[at] as number) > (length[best] as number)) best = at;
  });
  const kept = new Set<number>();
  for (let at = best; at >= 0; at = previous[at] as number) kept.add(numbers[at] as number);
  return kept;
}

/** The fields of a step without the steps inside it. */
function own(step: Step): Record<string, unknown> {
  const { steps: _, branches, onError, ...fields } = step;
  const own: Record<string, unknown> = { ...fields };
  if (onError !== undefined) own.onError = typeof onError === "object" ? "branch" : onError;
  for (const { name, steps: _inner, ...branch } of branches ?? []) own[`branch ${name}`] = branch;
  return own;
}

const ownOfTrigger = (trigger: Trigger): Record<string, unknown> => ({ ...trigger });

function fieldChanges(before: Record<string, unknown>, after: Record<string, unknown>, path = ""): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [from, to, field] = [before[name], after[name], path ? `${path}.${name}` : name];
    if (isObject(from) && isObject(to)) changes.push(...fieldChanges(from, to, field));
    else if (!isEqual(from, to)) changes.push({ field, from, to });
  }
  return changes;
}

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === "object" && !Array.isArray(value);

/** By content; the order of an object's fields does not count. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => isEqual(item, b[at]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && isEqual(a[key], b[key]));
}
