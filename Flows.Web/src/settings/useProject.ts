import { useQuery } from "@tanstack/react-query";
import { get, type Schemas } from "../api/client";
import { useMe } from "./useMe";

/** The project that the person is in, with its settings. */
export function useProject() {
  const id = useMe().data?.project?.id;
  return useQuery({ queryKey: ["project", id], queryFn: () => get<Schemas["ProjectView"]>(`api/v1/projects/${id}`), enabled: id !== undefined });
}
