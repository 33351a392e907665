import type { Schemas } from "../api/client";
import { text } from "../text";

type Project = Schemas["ProjectView"];

export type LimitName = "concurrentRuns" | "runTimeoutSeconds" | "pausedDays" | "webhookPerMinute";

export interface Limit {
  name: LimitName;
  label: string;
  help: string;
  /** The largest that the API takes. */
  most: number;
  /** The installation's default in words. */
  words: (value: number) => string;
}

const orNone = (words: (value: number) => string) => (value: number) => (value === 0 ? text.project.noLimit : words(value));

/** The limits that a project can have of its own; in each 0 takes the installation's. */
export const limits: Limit[] = [
  { name: "concurrentRuns", label: text.project.concurrent, help: text.project.concurrentHelp, most: 100_000, words: orNone(String) },
  { name: "runTimeoutSeconds", label: text.project.timeout, help: text.project.timeoutHelp, most: 86_400, words: text.project.seconds },
  { name: "pausedDays", label: text.project.paused, help: text.project.pausedHelp, most: 3650, words: text.project.days },
  { name: "webhookPerMinute", label: text.project.webhooks, help: text.project.webhooksHelp, most: 10_000_000, words: orNone(text.project.perMinute) },
];

/** What is wrong with what was typed into a limit; null when the API takes it. */
export const problemOf = (limit: Limit, typed: string): string | null => (/^\d{1,9}$/.test(typed.trim()) && Number(typed) <= limit.most ? null : text.project.upTo(limit.most));

export const valuesOf = (project: Project): Record<LimitName, string> =>
  Object.fromEntries(limits.map(({ name }) => [name, String(project[name])])) as Record<LimitName, string>;

export const helpOf = (limit: Limit, defaults: Project["defaults"]): string =>
  `${limit.help} ${defaults ? text.project.default(limit.words(Number(defaults[limit.name]))) : text.project.limitsHelp}`;
