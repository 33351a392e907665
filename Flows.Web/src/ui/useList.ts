import { useInfiniteQuery } from "@tanstack/react-query";
import { get } from "../api/client";

interface PageOf<T> {
  items: T[];
  nextCursor: string | null;
}

/** A cursor-paged list of the API. `refresh` in milliseconds reads the pages that are open again. */
export function useList<T>(key: unknown[], path: (cursor: string | null) => string, refresh?: number) {
  const list = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => get<PageOf<T>>(path(pageParam), signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: (query) => (refresh && (query.state.data?.pages.length ?? 0) <= 3 ? refresh : false),
  });
  return { ...list, items: list.data?.pages.flatMap((page) => page.items) ?? [] };
}
