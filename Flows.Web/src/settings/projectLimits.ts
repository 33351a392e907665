import type { Schemas } from "../api/client";
import { text } from "../text";

type Project = Schemas["ProjectView"];

export type LimitName = "concurrentRuns" | "runTimeoutSeconds" | "pausedDays" | "webhookPerMinute";

export interface Limit {
  name: LimitName;
  label: string;
  help: string;
  /** The installation's default in words. */
  words: (value: number) => string;
}

const orNone = (words: (value: number) => string) => (value: number) => (value === 0 ? text.project.noLimit : words(value));

/** What may become of effects of which a crash has left unknown whether they happened. */
export const uncertainPolicies = ["ask", "retry", "fail"] as const satisfies Project["onUncertain"][];

/** The limits that a project can have of its own; in each 0 takes the installation's. */
export const limits: Limit[] = [
  { name: "concurrentRuns", label: text.project.concurrent, help: text.project.concurrentHelp, words: orNone(String) },
  { name: "runTimeoutSeconds", label: text.project.timeout, help: text.project.timeoutHelp, words: text.project.seconds },
  { name: "pausedDays", label: text.project.paused, help: text.project.pausedHelp, words: text.project.days },
  { name: "webhookPerMinute", label: text.project.webhooks, help: text.project.webhooksHelp, words: orNone(text.project.perMinute) },
];

/** What holds where the project is not yet known: more than that the API never takes. */
const mostOfAll: Record<LimitName, number> = { concurrentRuns: 100_000, runTimeoutSeconds: 86_400, pausedDays: 3650, webhookPerMinute: 10_000_000 };

const mostOf = (limit: Limit, ceilings: Project["ceilings"]) => (ceilings ? Number(ceilings[limit.name]) : mostOfAll[limit.name]);

/** What is wrong with what was typed into a limit; null when the API takes it. What was there before stays, also above a ceiling that has come down since. */
export const problemOf = (limit: Limit, typed: string, ceilings: Project["ceilings"], stored?: string): string | null =>
  typed.trim() === stored || (/^\d{1,9}$/.test(typed.trim()) && Number(typed) <= mostOf(limit, ceilings)) ? null : text.project.upTo(mostOf(limit, ceilings));

export const valuesOf = (project: Project): Record<LimitName, string> =>
  Object.fromEntries(limits.map(({ name }) => [name, String(project[name])])) as Record<LimitName, string>;

export const helpOf = (limit: Limit, { defaults, ceilings }: Pick<Project, "defaults" | "ceilings">): string =>
  [
    limit.help,
    defaults ? text.project.default(limit.words(Number(defaults[limit.name]))) : text.project.limitsHelp,
    ...(ceilings && Number(ceilings[limit.name]) < mostOfAll[limit.name] ? [text.project.ceiling(limit.words(Number(ceilings[limit.name])))] : []),
  ].join(" ");
