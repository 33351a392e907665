import { listsOf, walk, type Branch, type Definition, type ListPlace, type Step } from "./definition";

/**
 * Two definitions as one that can be drawn: the second, with the steps that only the first has put back where they stood, behind the same
 * neighbour. A step that has moved stands at its new place alone. It is for the eye, and is no definition that could run.
 * @param gone What a branch is called that only the first has.
 */
export function overlay(before: Definition, after: Definition, gone: (branch: string) => string): Definition {
  const old = new Map([...walk(before.steps)].map(({ step }) => [step.name, step]));
  const stays = new Set([...walk(after.steps)].map(({ step }) => step.name));

  const mergeList = (was: Step[], now: Step[]): Step[] => {
    const here = new Set(now.map((step) => step.name));
    const behind = new Map<string | null, Step[]>();
    let neighbour: string | null = null;
    for (const step of was) {
      if (here.has(step.name)) neighbour = step.name;
      else behind.set(neighbour, [...(behind.get(neighbour) ?? []), ...ghosts([step])]);
    }
    return [...(behind.get(null) ?? []), ...now.flatMap((step) => [...merged(step), ...(behind.get(step.name) ?? [])])];
  };

  // Only what is gone: whatever else was inside is drawn where it is now.
  const ghosts = (steps: Step[]): Step[] =>
    steps.flatMap((step) => {
      if (stays.has(step.name)) return [];
      return [listsOf(step).reduce((made, { place, steps: inner }) => withInner(made, place, ghosts(inner)), step)];
    });

  /** The step with what is gone from inside it; behind it what it has no list for any more. */
  const merged = (step: Step): Step[] => {
    const was = old.get(step.name);
    const oldLists = was ? listsOf(was) : [];
    const used = new Set<ListPlace>();
    const oldList = (place: ListPlace) => {
      const found = oldLists.find((list) => list.place.in === place.in && (place.in !== "branch" || nameOf(was, list.place) === nameOf(step, place)));
      if (found) used.add(found.place);
      return found?.steps ?? [];
    };
    let made = listsOf(step).reduce((next, { place, steps }) => withInner(next, place, mergeList(oldList(place), steps)), step);
    const left: Step[] = [];
    const lost: Branch[] = [];
    for (const { place, steps } of oldLists) {
      if (used.has(place)) continue;
      const inner = ghosts(steps);
      const branch = place.in === "branch" ? was?.branches?.[place.branch] : undefined;
      if (branch && step.kind === "router") lost.push({ ...branch, name: gone(branch.name), steps: inner });
      else if (place.in === "failure" && inner.length > 0) made = { ...made, onError: { steps: inner } };
      else left.push(...inner);
    }
    if (lost.length > 0) made = { ...made, branches: [...(made.branches ?? []), ...lost] };
    return [made, ...left];
  };

  return { ...after, steps: mergeList(before.steps, after.steps) };
}

const nameOf = (step: Step | undefined, place: ListPlace) => (place.in === "branch" ? step?.branches?.[place.branch]?.name : undefined);

function withInner(step: Step, place: ListPlace, steps: Step[]): Step {
  switch (place.in) {
    case "flow":
      return step;
    case "loop":
      return { ...step, steps };
    case "branch":
      return { ...step, branches: (step.branches ?? []).map((branch, index) => (index === place.branch ? { ...branch, steps } : branch)) };
    case "failure":
      return { ...step, onError: { steps } };
  }
}
