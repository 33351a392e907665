/** Undo and redo over immutable values, bounded, and small enough to be kept over a reload. */
export interface History<T> {
  past: T[];
  present: T;
  future: T[];
}

const most = 100;

export const begin = <T>(present: T): History<T> => ({ past: [], present, future: [] });

/** @param merge Replaces the present without a step back: for keystrokes in one field. */
export function push<T>(history: History<T>, next: T, merge = false): History<T> {
  if (next === history.present) return history;
  if (merge) return { ...history, present: next, future: [] };
  return { past: [...history.past, history.present].slice(-most), present: next, future: [] };
}

export function undo<T>(history: History<T>): History<T> {
  const previous = history.past.at(-1);
  if (previous === undefined) return history;
  return { past: history.past.slice(0, -1), present: previous, future: [history.present, ...history.future] };
}

export function redo<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.present], present: next, future };
}
