import { text } from "../text";
import { listsOf, type Definition, type ListPlace, type Place, type Step } from "./definition";

/** Sizes in pixels of the canvas. */
export const nodeWidth = 260;
export const nodeHeight = 64;
const rowGap = 56;
const laneGap = 48;
const labelHeight = 36;

export interface StepBox {
  id: string;
  kind: "trigger" | "step";
  step?: Step;
  x: number;
  y: number;
}

/** A + between two steps, or a label at the head of a lane. */
export interface AddBox {
  id: string;
  place: Place;
  x: number;
  y: number;
  isOnly: boolean;
}

export interface LabelBox {
  id: string;
  text: string;
  tone: "branch" | "loop" | "failure";
  x: number;
  y: number;
}

export interface Line {
  id: string;
  points: [number, number][];
  isBack?: boolean;
}

export interface Layout {
  steps: StepBox[];
  adds: AddBox[];
  labels: LabelBox[];
  lines: Line[];
  width: number;
  height: number;
}

interface Lane {
  label: string;
  tone: LabelBox["tone"];
  place: ListPlace;
  steps: Step[];
}

function lanesOf(step: Step): Lane[] {
  return listsOf(step).map(({ place, steps }) => {
    if (place.in === "branch") {
      const branch = step.branches?.[place.branch];
      return { label: branch?.name ?? "", tone: "branch" as const, place, steps };
    }
    return place.in === "loop"
      ? { label: (step.parallel ?? 1) > 1 ? text.build.lanes.parallel(step.parallel ?? 1) : text.build.lanes.each, tone: "loop" as const, place, steps }
      : { label: text.build.lanes.failure, tone: "failure" as const, place, steps };
  });
}

function widthOfList(steps: Step[]): number {
  return Math.max(nodeWidth, ...steps.map(widthOfStep));
}

function widthOfStep(step: Step): number {
  const lanes = lanesOf(step);
  if (lanes.length === 0) return nodeWidth;
  return lanes.reduce((sum, lane) => sum + widthOfList(lane.steps), 0) + laneGap * (lanes.length - 1);
}

/** Places every step from top to bottom on the axis x = 0, lanes of a router, loop or failure branch side by side below their step, and joins them again behind. */
export function layOut(definition: Definition): Layout {
  const layout: Layout = { steps: [], adds: [], labels: [], lines: [], width: 0, height: 0 };
  const width = widthOfList(definition.steps);
  // The axis stays where it is however wide the flow becomes: notes beside it keep their place.
  const center = 0;
  layout.steps.push({ id: "trigger", kind: "trigger", x: center - nodeWidth / 2, y: 0 });
  const bottom = layList(layout, definition.steps, { in: "flow" }, center, nodeHeight);
  return { ...layout, width, height: bottom + rowGap };
}

function keyOf(list: ListPlace): string {
  return list.in === "flow" ? "flow" : list.in === "branch" ? `${list.step}/${list.branch}` : `${list.step}/${list.in}`;
}

// Returns the y below the last step.
function layList(layout: Layout, steps: Step[], list: ListPlace, center: number, top: number): number {
  let y = top;
  const add = (index: number, isOnly: boolean) => {
    layout.lines.push({ id: `${keyOf(list)}#${index}`, points: [[center, y], [center, y + rowGap]] });
    layout.adds.push({ id: `${keyOf(list)}+${index}`, place: { list, index }, x: center, y: y + rowGap / 2, isOnly });
    y += rowGap;
  };
  add(0, steps.length === 0);
  for (const [index, step] of steps.entries()) {
    layout.steps.push({ id: step.name, kind: "step", step, x: center - nodeWidth / 2, y });
    y += nodeHeight;
    const lanes = lanesOf(step);
    if (lanes.length > 0) y = layLanes(layout, step, lanes, center, y);
    if (index < steps.length - 1 || step.kind !== "stop") add(index + 1, false);
  }
  return y;
}

function layLanes(layout: Layout, step: Step, lanes: Lane[], center: number, top: number): number {
  const head = top + rowGap / 2;
  let left = center - widthOfStep(step) / 2;
  const ends: [number, number][] = [];
  for (const [index, lane] of lanes.entries()) {
    const width = widthOfList(lane.steps);
    const x = left + width / 2;
    left += width + laneGap;
    layout.lines.push({ id: `${step.name}>${index}`, points: [[center, top], [center, head], [x, head], [x, head + labelHeight]] });
    layout.labels.push({ id: `${step.name}:${index}`, text: lane.label, tone: lane.tone, x, y: head + labelHeight / 2 });
    ends.push([x, layList(layout, lane.steps, lane.place, x, head + labelHeight)]);
  }
  const bottom = Math.max(...ends.map(([, y]) => y)) + rowGap / 2;
  for (const [index, [x, y]] of ends.entries()) layout.lines.push({ id: `${step.name}<${index}`, points: [[x, y], [x, bottom], [center, bottom]] });
  return bottom;
}
