import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { get, query, type RunView, type StepView } from "../api/client";
import { useEvents } from "../api/useEvents";
import { withTold, type StepTold } from "./journal";
import { isFinal } from "./status";

const pageSize = 500;
const mostPages = 20;
/** How often the journal with its values is read while steps go on; what the events tell is shown at once. */
const valuesMs = 1000;
const firstPollMs = 400;
const longestPollMs = 5000;

/**
 * A run with its journal, told by the stream of its events as it goes; where there is none, by asking, less and less often while nothing changes.
 * @param runId Empty for none.
 */
export function useLiveRun(runId: string) {
  const client = useQueryClient();
  const reading = useRef<ReturnType<typeof setTimeout> | null>(null);
  const heard = useRef<StepTold[]>([]);
  const poll = useRef({ state: "", ms: firstPollMs });
  const readSoon = useCallback(() => {
    reading.current ??= setTimeout(() => {
      reading.current = null;
      void client.invalidateQueries({ queryKey: ["run", runId, "steps"] });
    }, valuesMs);
  }, [client, runId]);
  useEffect(
    () => () => {
      if (reading.current) clearTimeout(reading.current);
      reading.current = null;
      heard.current = [];
    },
    [runId],
  );

  const known = client.getQueryData<RunView>(["run", runId]);
  const isStreaming = useEvents(
    known && !isFinal(known.status) ? `api/v1/runs/${runId}/events` : null,
    ({ event, data }) => {
      if (event === "step") {
        const told = data as StepTold;
        heard.current.push(told);
        client.setQueryData<StepView[]>(["run", runId, "steps"], (lines) => lines && withTold(lines, told));
        readSoon();
      } else if (event === "run") {
        const told = data as RunView;
        client.setQueryData<RunView>(["run", runId], (run) => run && { ...run, status: told.status, attempt: told.attempt, startedAt: told.startedAt, finishedAt: told.finishedAt });
        void client.invalidateQueries({ queryKey: ["run", runId], exact: true });
        void client.invalidateQueries({ queryKey: ["run", runId, "steps"] });
      } else readSoon();
    },
  );

  const run = useQuery({
    queryKey: ["run", runId],
    enabled: runId !== "",
    queryFn: ({ signal }) => get<RunView>(`api/v1/runs/${runId}`, signal),
    refetchInterval: ({ state }) => {
      if (state.data && isFinal(state.data.status)) return false;
      if (isStreaming) return 10_000; // the lease moves on without an event
      const stand = `${state.data?.status} ${state.data?.attempt} ${state.error?.message}`;
      poll.current = stand === poll.current.state ? { state: stand, ms: Math.min(poll.current.ms * 1.5, longestPollMs) } : { state: stand, ms: firstPollMs };
      return poll.current.ms;
    },
  });
  const isLive = run.data ? !isFinal(run.data.status) : false;
  const steps = useQuery({
    queryKey: ["run", runId, "steps"],
    enabled: runId !== "",
    queryFn: async ({ signal }) => {
      const from = heard.current.length;
      const lines = await allLines(`api/v1/runs/${runId}/steps`, signal);
      // What was told while they were on their way may be newer than they are.
      return heard.current.slice(from).reduce(withTold, lines);
    },
    refetchInterval: () => (isLive && !isStreaming ? Math.max(poll.current.ms, 1000) : false),
  });
  // A run that polling has found to be over, or taken up again, has lines that were not read.
  const stand = run.data && `${run.data.status} ${run.data.attempt}`;
  useEffect(() => {
    if (stand) void client.invalidateQueries({ queryKey: ["run", runId, "steps"] });
  }, [client, runId, stand]);
  return { run, steps, isLive, isStreaming };
}

/** All lines of a journal, or of its history: at most 10,000. */
export async function allLines(path: string, signal?: AbortSignal): Promise<StepView[]> {
  const all: StepView[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page++) {
    const answer: { items: StepView[]; nextCursor: string | null } = await get(`${path}${query({ limit: pageSize, cursor })}`, signal);
    all.push(...answer.items);
    cursor = answer.nextCursor;
    if (!cursor) break;
  }
  return all;
}
