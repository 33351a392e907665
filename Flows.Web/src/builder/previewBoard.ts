import type { Evaluated, SampleData } from "../api/testing";

export type Preview = Evaluated | undefined;

interface Entry {
  text: string;
  result: Preview;
  /** What the result is of: another text, or other data, asks anew. */
  askedFor: string | null;
  listeners: Set<() => void>;
}

/** One request takes at most so many. */
const mostAtOnce = 50;
const longest = 32_768;

/**
 * The expressions that stand in the form, evaluated together: a moment after the last keystroke one request goes out for all that changed, and
 * an answer that is overtaken by a keystroke is dropped. While nobody can evaluate, `away` says why; the next change asks again.
 */
export class PreviewBoard {
  private readonly entries = new Map<string, Entry>();
  private readonly boardListeners = new Set<() => void>();
  private context: SampleData = { trigger: null, steps: {} };

  /** The sample data that expressions are tried on. */
  get data(): SampleData {
    return this.context;
  }

  private edition = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | undefined;
  away: string | null = null;

  constructor(
    private readonly ask: (expressions: Record<string, string>, context: SampleData, signal: AbortSignal) => Promise<Record<string, Evaluated>>,
    private readonly quietMs = 250,
  ) {}

  /** Other data: everything is asked anew. */
  setContext(context: SampleData) {
    if (context === this.context) return;
    this.context = context;
    this.edition++;
    this.plan();
  }

  /** A text without expressions has no preview. */
  setText(key: string, text: string) {
    const entry = this.entryOf(key);
    if (entry.text === text) return;
    entry.text = text;
    if (!text.includes("{{")) entry.result = undefined;
    this.plan();
  }

  resultOf = (key: string): Preview => this.entries.get(key)?.result;

  subscribe(key: string, listener: () => void): () => void {
    const entry = this.entryOf(key);
    entry.listeners.add(listener);
    return () => {
      entry.listeners.delete(listener);
      if (entry.listeners.size === 0) this.entries.delete(key);
    };
  }

  subscribeAway = (listener: () => void) => {
    this.boardListeners.add(listener);
    return () => void this.boardListeners.delete(listener);
  };

  close() {
    clearTimeout(this.timer);
    this.asking?.abort();
  }

  private entryOf(key: string): Entry {
    let entry = this.entries.get(key);
    if (!entry) this.entries.set(key, (entry = { text: "", result: undefined, askedFor: null, listeners: new Set() }));
    return entry;
  }

  private plan() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), this.quietMs);
  }

  private async flush() {
    const wanted = [...this.entries].filter(([, entry]) => entry.text.includes("{{") && entry.text.length <= longest && entry.askedFor !== `${this.edition}:${entry.text}`).slice(0, mostAtOnce);
    if (wanted.length === 0) return;
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const asked = wanted.map(([key, entry]) => ({ key, text: entry.text, mark: `${this.edition}:${entry.text}` }));
    try {
      const results = await this.ask(Object.fromEntries(asked.map(({ key, text }) => [key, text])), this.context, asking.signal);
      if (asking.signal.aborted) return;
      this.setAway(null);
      for (const { key, text, mark } of asked) {
        const entry = this.entries.get(key);
        if (!entry || entry.text !== text) continue;
        entry.result = results[key];
        entry.askedFor = mark;
        for (const listener of entry.listeners) listener();
      }
      if (this.entries.size > mostAtOnce) this.plan();
    } catch (error) {
      if (asking.signal.aborted) return;
      this.setAway(error instanceof Error ? error.message : String(error));
    }
  }

  private setAway(why: string | null) {
    if (this.away === why) return;
    this.away = why;
    for (const listener of this.boardListeners) listener();
  }
}

/** The texts with expressions inside a value, each with its place: `lines[0].name`. */
export function expressionsIn(value: unknown, path = "", found: { path: string; text: string }[] = []): { path: string; text: string }[] {
  if (typeof value === "string") {
    if (value.includes("{{")) found.push({ path, text: value });
  } else if (Array.isArray(value)) value.forEach((item, at) => expressionsIn(item, `${path}[${at}]`, found));
  else if (value && typeof value === "object") for (const [key, item] of Object.entries(value)) expressionsIn(item, path ? `${path}.${key}` : key, found);
  return found;
}

/** The value with its expressions replaced; `null` stands where there is no result. */
export function replaced(value: unknown, resultOf: (path: string) => Preview, path = ""): unknown {
  if (typeof value === "string") return value.includes("{{") ? (resultOf(path)?.value ?? null) : value;
  if (Array.isArray(value)) return value.map((item, at) => replaced(item, resultOf, `${path}[${at}]`));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, resultOf, path ? `${path}.${key}` : key)]));
  return value;
}
