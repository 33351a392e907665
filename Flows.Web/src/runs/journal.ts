import type { RunView, Schemas, StepView } from "../api/client";

/** An item of a loop that a line is in: `each[3].send` is the step `send` in the fourth item of `each`. */
export interface Item {
  /** The loop's own path. */
  loop: string;
  index: number;
}

/** The items around a line, outer first. */
export const itemsAround = (path: string): Item[] =>
  [...path.matchAll(/[A-Za-z_]\w*\[(\d+)\]\./g)].map((match) => ({ loop: path.slice(0, match.index + match[0].indexOf("[")), index: Number(match[1]) }));

/** The items that the loops of this journal have gone through, in order, by the loop's path. */
export function itemsOf(lines: StepView[]): Map<string, number[]> {
  const items = new Map<string, Set<number>>();
  for (const line of lines) for (const item of itemsAround(line.path)) items.set(item.loop, (items.get(item.loop) ?? new Set()).add(item.index));
  return new Map([...items].map(([loop, found]) => [loop, [...found].sort((one, other) => one - other)]));
}

/** The lines in the items that were chosen; of a loop of which none was chosen, all. */
export function linesIn(lines: StepView[], chosen: ReadonlyMap<string, number>): StepView[] {
  if (chosen.size === 0) return lines;
  return lines.filter((line) => itemsAround(line.path).every((item) => (chosen.get(item.loop) ?? item.index) === item.index));
}

/** How a step stands, as the stream of events tells it. */
export interface StepTold {
  path: string;
  name: string;
  kind: string;
  status: Schemas["StepStatus"];
  attempt: number;
  startedAt: string;
  durationMs: number | null;
  error: { code: string | null; message: string | null } | null;
}

/** The journal with what was told of one of its lines. Values are not told: those of a line that went on are as they were, until the journal is read again. */
export function withTold(lines: StepView[], told: StepTold): StepView[] {
  const at = lines.findIndex((line) => line.path === told.path);
  const error = told.error ? { code: told.error.code ?? "", message: told.error.message ?? "" } : null;
  const known = lines[at];
  const next = { ...(known ?? { input: null, output: null, effect: "Pure", logs: null }), ...told, error } as unknown as StepView;
  if (known) return lines.map((line, index) => (index === at ? next : line));
  return [...lines, next].sort((one, other) => (one.startedAt < other.startedAt ? -1 : one.startedAt > other.startedAt ? 1 : one.path < other.path ? -1 : 1));
}

/** A part of the time of a run, in milliseconds since it was accepted. */
export interface Span {
  what: "queued" | "working" | "waiting";
  from: number;
  to: number;
}

const at = (iso: string | null | undefined) => (iso ? new Date(iso).getTime() : null);

/** The time of a run: until a worker took it up, then work, and in between what its wait steps waited. `now` ends what is not over. */
export function spansOf(run: RunView, lines: StepView[], now: number): Span[] {
  const start = at(run.createdAt) as number;
  const end = Math.max(start + 1, at(run.finishedAt) ?? now);
  const claimed = at(run.startedAt);
  if (claimed === null) return [{ what: "queued", from: 0, to: end - start }];
  const spans: Span[] = [{ what: "queued", from: 0, to: Math.max(0, claimed - start) }];
  const waits = lines
    .filter((line) => line.kind === "wait" || line.status === "Paused")
    .map((line) => ({ from: (at(line.startedAt) as number) - start, to: (line.durationMs === null || line.durationMs === undefined ? end : (at(line.startedAt) as number) + Number(line.durationMs)) - start }))
    .sort((one, other) => one.from - other.from);
  let done = claimed - start;
  for (const wait of waits) {
    const from = Math.max(done, wait.from);
    const to = Math.min(end - start, wait.to);
    if (to <= from) continue;
    if (from > done) spans.push({ what: "working", from: done, to: from });
    spans.push({ what: "waiting", from, to });
    done = to;
  }
  if (end - start > done) spans.push({ what: "working", from: done, to: end - start });
  return spans.filter((span) => span.to > span.from);
}

/** What of a value looks like a file of a run, however deep it lies; at most 50. */
export function filesIn(value: unknown, most = 50): FileLike[] {
  const found: FileLike[] = [];
  const look = (inner: unknown, depth: number) => {
    if (found.length >= most || depth > 12 || inner === null || typeof inner !== "object") return;
    if (isFile(inner)) found.push(inner);
    else for (const item of Object.values(inner)) look(item, depth + 1);
  };
  look(value, 0);
  return [...new Map(found.map((file) => [file.file, file])).values()];
}

export interface FileLike {
  file: string;
  name: string;
  type: string;
  size: number;
}

const isFile = (value: object): value is FileLike =>
  "file" in value && typeof value.file === "string" && "name" in value && typeof value.name === "string" && "size" in value && typeof value.size === "number" && "type" in value && typeof value.type === "string";

/** Where a file is downloaded: its id begins with the run that has made it. Null for what is no such id. */
export function pathOfFile(id: string): string | null {
  if (!/^[\w-]{43}$/.test(id)) return null;
  const bytes = Uint8Array.from(atob(id.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  const hex = [...bytes.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `api/v1/runs/${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}/files/${id}`;
}
