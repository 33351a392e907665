import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { text } from "../text";
import { Button, tell, tellError } from "../ui/ui";
import { actOn, collect, type BulkProgress } from "./bulk";

/** What is done to the runs that were picked, or to all that match, and how far it is. */
export function BulkBar({ picked, canTakeAll, pathOfAll, onDone }: { picked: ReadonlySet<string>; canTakeAll: boolean; pathOfAll: (cursor: string | null) => string; onDone: () => void }) {
  const client = useQueryClient();
  const [isAll, setAll] = useState(false);
  const [progress, setProgress] = useState<BulkProgress | null>(null);
  const [found, setFound] = useState<number | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  if (picked.size === 0 && progress === null && found === null) return null;
  const go = async (what: "cancel" | "retry") => {
    const control = (stop.current = new AbortController());
    try {
      let ids = [...picked];
      if (isAll) {
        setFound(0);
        ids = await collect(what, pathOfAll, control.signal, setFound);
        setFound(null);
      }
      const end = await actOn(what, ids, control.signal, setProgress);
      tell(text.list.bulkDone(end.done, end.refused, end.why), end.refused > 0);
      onDone();
    } catch (error) {
      if (!control.signal.aborted) tellError(error);
    } finally {
      setFound(null);
      setProgress(null);
      setAll(false);
      await client.invalidateQueries({ queryKey: ["runs"] });
    }
  };
  const isBusy = progress !== null || found !== null;
  return (
    <div className="bulk" role="region" aria-label={text.list.bulk}>
      {progress ? (
        <>
          <progress max={progress.total} value={progress.done + progress.refused} aria-label={text.list.bulk} />
          <span>{text.list.progress(progress.done + progress.refused, progress.total)}</span>
        </>
      ) : found !== null ? (
        <span>{text.list.collecting(found)}</span>
      ) : (
        <>
          <span>{isAll ? text.list.allPicked : text.list.picked(picked.size)}</span>
          {canTakeAll && (
            <button type="button" className="link" onClick={() => setAll(!isAll)}>
              {isAll ? text.list.onlyPicked : text.list.takeAll}
            </button>
          )}
        </>
      )}
      <span className="spring" />
      {isBusy ? (
        <Button onClick={() => stop.current?.abort()}>{text.list.stop}</Button>
      ) : (
        <>
          <Button onClick={() => void go("retry")}>{text.list.retryThem}</Button>
          <Button tone="danger" onClick={() => void go("cancel")}>
            {text.list.cancelThem}
          </Button>
        </>
      )}
    </div>
  );
}
