import { useQuery } from "@tanstack/react-query";
import { get, type Schemas } from "../api/client";

/** Who is signed in, and what they may do in the project. */
export function useMe() {
  return useQuery({ queryKey: ["me"], queryFn: () => get<Schemas["MeView"]>("api/v1/me"), refetchInterval: (state) => (state.state.error ? 3000 : 60_000) });
}
