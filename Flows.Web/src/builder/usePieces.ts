import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { get, type PieceDescription, type Schemas } from "../api/client";

/** The catalogue of pieces; it changes only with the installation. */
export function usePieces() {
  const catalogue = useQuery({ queryKey: ["pieces"], queryFn: () => get<Schemas["EngineCatalogue"]>("api/v1/pieces"), staleTime: Infinity });
  const all = catalogue.data?.pieces;
  return useMemo(() => {
    const pieces: PieceDescription[] = all ?? [];
    return { all: pieces, byName: new Map(pieces.map((piece) => [piece.name, piece])), functions: catalogue.data?.functions ?? [] };
  }, [all, catalogue.data]);
}
