import { query } from "../api/caller";

/** What the list of runs is narrowed down to, as the address of the page has it. */
export interface RunsFilter {
  status: string;
  flow: string;
  tag: string;
  q: string;
  /** `1h`, `24h`, `7d` or `30d` back from now; empty for `from` and `to`. */
  since: string;
  from: string;
  to: string;
}

export const ranges = { "1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000, "30d": 30 * 86_400_000 } as const;
export type Range = keyof typeof ranges;

export function readFilter(search: URLSearchParams): RunsFilter {
  const of = (name: string) => search.get(name) ?? "";
  const since = of("since");
  return { status: of("status"), flow: of("flow"), tag: of("tag"), q: of("q"), since: since in ranges ? since : "", from: validTime(of("from")), to: validTime(of("to")) };
}

const validTime = (iso: string) => (Number.isNaN(new Date(iso).getTime()) ? "" : iso);

/** The same as the API takes it. @param now Milliseconds, from which a range goes back. */
export function apiQuery(filter: RunsFilter, now: number, more: Record<string, string | number | null> = {}): string {
  const from = filter.since ? new Date(now - ranges[filter.since as Range]).toISOString() : filter.from;
  return query({ status: filter.status, flow: filter.flow, tag: filter.tag, q: filter.q, from, to: filter.since ? "" : filter.to, ...more });
}

/** The time that the chart shows: what is chosen, at most 31 days of it, else the last day. */
export function chartQuery(filter: RunsFilter, now: number, buckets: number): string {
  const most = 31 * 86_400_000;
  const to = filter.since || !filter.to ? now : new Date(filter.to).getTime();
  const chosen = filter.since ? now - ranges[filter.since as Range] : filter.from ? new Date(filter.from).getTime() : to - ranges["24h"];
  const from = Math.min(Math.max(chosen, to - most), to - 1000);
  return query({ status: filter.status, flow: filter.flow, tag: filter.tag, q: filter.q, from: new Date(from).toISOString(), to: new Date(to).toISOString(), buckets });
}

/** The index of errors knows three letters or digits in a row and nothing shorter; the API refuses a text without. */
export const canSearch = (typed: string) => typed.trim() === "" || /[\p{L}\p{Nd}]{3}/u.test(typed);

/** An id that was pasted into the search goes straight to its run. */
export const runIdIn = (typed: string) => /^\s*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*$/i.exec(typed)?.[1]?.toLowerCase() ?? null;
