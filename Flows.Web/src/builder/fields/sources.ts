import { createContext, useContext, useEffect, useId, useMemo, useSyncExternalStore } from "react";
import type { Schemas } from "../../api/client";
import { expressionsIn, replaced, type Preview, type PreviewBoard } from "../previewBoard";

/** A value that an expression of the selected step may name, with a sample of it. */
export interface DataSource {
  path: string;
  title: string;
  sample: unknown;
}

interface Data {
  sources: DataSource[];
  functions: Schemas["FunctionDescription"][];
  /** Null where there is nothing to try expressions on: outside of the builder. */
  board: PreviewBoard | null;
}

export const DataSources = createContext<Data>({ sources: [], functions: [], board: null });

/** The steps that a text names in its braces and of which nothing is known yet. */
export function withoutSample(text: string, sources: DataSource[]): string[] {
  if (!text.includes("{{")) return [];
  const inside = [...text.matchAll(/\{\{([\s\S]*?)\}\}/g)].map((match) => (match[1] as string).replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, "''"));
  return sources.filter((source) => source.sample === undefined && inside.some((code) => new RegExp(`(?<![.\\w])${source.path}\\b`).test(code))).map((source) => source.path);
}

const nothing = () => () => {};

/** What the text with expressions gives on the sample data; undefined while that is not known, and for a text without any. */
export function usePreview(text: string): Preview {
  const { board } = useContext(DataSources);
  const key = useId();
  const result = useSyncExternalStore(
    useMemo(() => (board ? (listener: () => void) => board.subscribe(key, listener) : nothing), [board, key]),
    () => board?.resultOf(key),
  );
  useEffect(() => board?.setText(key, text), [board, key, text]);
  return text.includes("{{") ? result : undefined;
}

const mostInside = 20;

/** The same for any JSON: the whole value with its expressions replaced, or the first that is wrong and where it stands. */
export function usePreviewOf(value: unknown): { value: unknown; error?: { path: string; message: string } } | undefined {
  const { board } = useContext(DataSources);
  const key = useId();
  const found = useMemo(() => expressionsIn(value).slice(0, mostInside), [value]);
  const paths = found.map((item) => item.path).join("\n");
  const subscribe = useMemo(
    () => (listener: () => void) => {
      const ends = board ? paths.split("\n").map((path) => board.subscribe(`${key}${path}`, listener)) : [];
      return () => ends.forEach((end) => end());
    },
    [board, key, paths],
  );
  // The results are read anew at each drawing; what makes it draw is one word that changes with them.
  useSyncExternalStore(subscribe, () => JSON.stringify(found.map((item) => board?.resultOf(`${key}${item.path}`))));
  useEffect(() => {
    for (const item of found) board?.setText(`${key}${item.path}`, item.text);
  }, [board, key, found]);
  if (!board || found.length === 0) return undefined;
  const results = new Map(found.map((item) => [item.path, board.resultOf(`${key}${item.path}`)]));
  if ([...results.values()].some((result) => result === undefined)) return undefined;
  const wrong = [...results].find(([, result]) => result?.error);
  if (wrong) return { value: undefined, error: { path: wrong[0], message: wrong[1]?.error?.message ?? "" } };
  return { value: replaced(value, (path) => results.get(path)) };
}

/** Why there are no previews at the moment; null while there are. */
export function useAway(board: PreviewBoard): string | null {
  return useSyncExternalStore(board.subscribeAway, () => board.away);
}
