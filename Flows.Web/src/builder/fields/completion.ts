import type { Schemas } from "../../api/client";
import type { DataSource } from "./sources";

export interface Completion {
  label: string;
  insert: string;
  help: string;
}

const most = 10;

/** The word before the caret when it stands within braces; null outside of them. */
export function wordAt(text: string, caret: number): { at: number; word: string } | null {
  const before = text.slice(0, caret);
  if (before.lastIndexOf("{{") <= before.lastIndexOf("}}")) return before.endsWith("{{") ? { at: caret, word: "" } : null;
  const word = /[A-Za-z_][\w.[\]]*$/.exec(before)?.[0] ?? "";
  return { at: caret - word.length, word };
}

/** What the word may become: names of earlier steps, the fields of their samples one level on, then functions. */
export function completions(word: string, sources: DataSource[], functions: Schemas["FunctionDescription"][]): Completion[] {
  const lower = word.toLowerCase();
  const cut = Math.max(word.lastIndexOf("."), 0);
  const owner = word.slice(0, cut);
  const fields = owner ? fieldsAt(owner, sources) : [];
  const starts = (text: string) => text.toLowerCase().startsWith(lower) && text !== word;
  return [
    ...fields.filter((field) => starts(field.insert)),
    ...(owner ? [] : sources.filter((source) => starts(source.path)).map((source) => ({ label: source.path, insert: source.path, help: source.title }))),
    ...(owner ? [] : ["run.id", "flow.name", "vars."].filter((name) => word.length >= 2 && starts(name)).map((name) => ({ label: name, insert: name, help: "" }))),
    ...(word.length >= 2 && !owner ? functions.filter((item) => starts(item.name) || item.name.toLowerCase() === lower).map((item) => ({ label: item.signature, insert: `${item.name}(`, help: item.help })) : []),
  ].slice(0, most);
}

function fieldsAt(owner: string, sources: DataSource[]): Completion[] {
  const [first = "", ...rest] = owner.split(/[.[\]]+/).filter(Boolean);
  let value = sources.find((source) => source.path === first)?.sample;
  for (const name of rest) value = value !== null && typeof value === "object" ? (value as Record<string, unknown>)[name] : undefined;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
  return Object.entries(value)
    .filter(([name]) => /^[A-Za-z_]\w*$/.test(name))
    .map(([name, item]) => ({ label: name, insert: `${owner}.${name}`, help: glimpse(item) }));
}

/** A value in a few characters. */
export const glimpse = (value: unknown): string =>
  value === undefined ? "" : Array.isArray(value) ? `list of ${value.length}` : value !== null && typeof value === "object" ? "object" : String(value).slice(0, 60);

/** The path of a field within a path: `a.b`, `a["b c"]`, `a[0]`. */
export const fieldPath = (path: string, name: string, isList: boolean) =>
  isList ? `${path}[${name}]` : /^[A-Za-z_]\w*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
