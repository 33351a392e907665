import { useQuery } from "@tanstack/react-query";
import { get, type Schemas } from "../api/client";

export const meQuery = { queryKey: ["me"], queryFn: () => get<Schemas["MeView"]>("api/v1/me") };

/** Who is signed in, and what they may do in the project. */
export function useMe() {
  return useQuery({ ...meQuery, refetchInterval: (state) => (state.state.error ? 3000 : 60_000) });
}
