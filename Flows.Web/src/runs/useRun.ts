import { useQuery } from "@tanstack/react-query";
import { get, type FlowView, type RunView, type Schemas } from "../api/client";
import type { Definition } from "../flow/definition";
import { useLiveRun } from "./useLiveRun";

/** A run as it goes, with its flow and what it does. */
export function useRun(runId: string) {
  const live = useLiveRun(runId);
  const run = live.run.data;
  const flow = useQuery({
    queryKey: ["flows", run?.flowId],
    queryFn: () => get<FlowView>(`api/v1/flows/${run?.flowId}`),
    enabled: run !== undefined,
    retry: false,
  });
  const definition = useDefinition(run);
  return { ...live, flow, definition };
}

/** What the run does, as it was when the run began; for a run of the draft as the draft is now. */
export function useDefinition(run: RunView | undefined) {
  return useQuery({
    queryKey: ["run", run?.id, "definition", run?.version],
    enabled: run !== undefined,
    staleTime: Infinity,
    retry: false,
    queryFn: async () =>
      run?.version
        ? ((await get<Schemas["FlowVersionDetail"]>(`api/v1/flows/${run.flowId}/versions/${run.version}`)).definition as unknown as Definition)
        : await get<Definition>(`api/v1/flows/${run?.flowId}/draft`),
  });
}
