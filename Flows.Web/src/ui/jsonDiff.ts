/** One place in which two JSON values differ. */
export interface Difference {
  /** `lines[0].price`; empty for the value itself. */
  path: string;
  kind: "added" | "removed" | "changed";
  left?: unknown;
  right?: unknown;
}

const mostDifferences = 500;

/** Where two JSON values differ, in the order of the left one; at most 500 places. An `undefined` side is a value that is not there. */
export function differences(left: unknown, right: unknown): Difference[] {
  const found: Difference[] = [];
  compare(left, right, "", found);
  return found;
}

function compare(left: unknown, right: unknown, path: string, found: Difference[]) {
  if (found.length >= mostDifferences || Object.is(left, right)) return;
  if (left === undefined || right === undefined) {
    found.push(left === undefined ? { path, kind: "added", right } : { path, kind: "removed", left });
    return;
  }
  if (!isTree(left) || !isTree(right) || Array.isArray(left) !== Array.isArray(right)) {
    found.push({ path, kind: "changed", left, right });
    return;
  }
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const inner = Array.isArray(left) ? `${path}[${key}]` : /^[A-Za-z_]\w*$/.test(key) ? (path ? `${path}.${key}` : key) : `${path}[${JSON.stringify(key)}]`;
    compare(own(left, key), own(right, key), inner, found);
  }
}

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => value !== null && typeof value === "object";
const own = (value: Tree, key: string) => (Object.hasOwn(value, key) ? value[key] : undefined);
