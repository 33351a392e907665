import type { StepView } from "../api/client";
import { differences } from "../ui/jsonDiff";

/** The same step of two runs. */
export interface Pair {
  path: string;
  left?: StepView;
  right?: StepView;
  isDifferent: boolean;
}

/** Lines of two journals by their paths, in the order of the left one; those that only the right one has come where they came there. */
export function pair(left: StepView[], right: StepView[]): Pair[] {
  const others = new Map(right.map((line) => [line.path, line]));
  const made: Pair[] = left.map((line) => {
    const other = others.get(line.path);
    others.delete(line.path);
    return { path: line.path, left: line, ...(other ? { right: other } : {}), isDifferent: !other || isDifferent(line, other) };
  });
  const order = new Map(right.map((line, index) => [line.path, index]));
  for (const line of others.values()) {
    const at = made.findIndex((item) => (order.get(item.path) ?? -1) > (order.get(line.path) as number));
    made.splice(at < 0 ? made.length : at, 0, { path: line.path, right: line, isDifferent: true });
  }
  return made;
}

/** Times always differ, and say nothing. */
const isDifferent = (one: StepView, other: StepView) =>
  one.status !== other.status ||
  one.error?.code !== other.error?.code ||
  one.error?.message !== other.error?.message ||
  one.largeOutput?.preview !== other.largeOutput?.preview ||
  one.largeOutput?.size !== other.largeOutput?.size ||
  differences(one.input, other.input).length > 0 ||
  differences(one.output, other.output).length > 0;
