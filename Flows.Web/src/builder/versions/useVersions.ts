import { useQuery } from "@tanstack/react-query";
import { get, type FlowView, type Schemas } from "../../api/client";

export type Version = Schemas["FlowVersionDetail"];

/** The version that triggers start now; null when there is none yet. */
export function usePublished(flowId: string) {
  return useQuery({
    queryKey: ["flows", flowId, "published"],
    staleTime: 0,
    queryFn: async () => {
      const flow = await get<FlowView>(`api/v1/flows/${flowId}`);
      return flow.publishedVersion ? await get<Version>(`api/v1/flows/${flowId}/versions/${flow.publishedVersion}`) : null;
    },
  });
}

/** A version with its definition, which never changes. Null asks for none. */
export function useVersion(flowId: string, number: number | null) {
  return useQuery({
    queryKey: ["flows", flowId, "version", number],
    enabled: number !== null,
    staleTime: Infinity,
    queryFn: () => get<Version>(`api/v1/flows/${flowId}/versions/${number}`),
  });
}
