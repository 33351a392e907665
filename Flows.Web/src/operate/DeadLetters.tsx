import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { ApiError, get, post, type Schemas } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { Button, Empty, Failure, tell } from "../ui/ui";

/** Jobs that were given to workers too often: to be put back, or forgotten. */
export function DeadLetters() {
  const client = useQueryClient();
  const dead = useQuery({ queryKey: ["dead"], queryFn: () => get<Schemas["DeadLetterList"]>("api/v1/system/queue/dead"), refetchInterval: 5000, retry: false });
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [isBusy, setBusy] = useState(false);
  const letters = dead.data?.items ?? [];
  const chosen = letters.filter((letter) => picked.has(letter.runId));
  const end = async (what: "requeue" | "discard", runs: string[]) => {
    setBusy(true);
    let done = 0;
    let why: string | null = null;
    for (const run of runs) {
      try {
        await post(`api/v1/system/queue/dead/${run}/${what}`);
        done++;
      } catch (error) {
        why ??= (error as Error).message;
        if (error instanceof ApiError && error.isAway) break;
      }
    }
    tell(text.list.bulkDone(done, runs.length - done, why), why !== null);
    setPicked(new Set());
    setBusy(false);
    await client.invalidateQueries({ queryKey: ["dead"] });
  };
  const areAll = letters.length > 0 && chosen.length === letters.length;
  const buttons = (runs: string[]) => (
    <>
      <Button disabled={isBusy} onClick={() => void end("requeue", runs)}>
        {text.ops.requeue}
      </Button>
      <Button disabled={isBusy} tone="danger" onClick={() => void end("discard", runs)}>
        {text.ops.discard}
      </Button>
    </>
  );
  return (
    <>
      {dead.error && <Failure error={dead.error} retry={() => void dead.refetch()} />}
      {dead.data && letters.length === 0 && <Empty title={text.ops.noDead}>{text.ops.noDeadHelp}</Empty>}
      {chosen.length > 0 && (
        <div className="bulk" role="region" aria-label={text.operate.dead}>
          <span>{text.list.picked(chosen.length)}</span>
          <span className="spring" />
          {buttons(chosen.map((letter) => letter.runId))}
        </div>
      )}
      {letters.length > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th>
                <input type="checkbox" aria-label={text.list.pickAll} checked={areAll} onChange={() => setPicked(areAll ? new Set() : new Set(letters.map((letter) => letter.runId)))} />
              </th>
              <th>{text.ops.run}</th>
              <th>{text.ops.priority}</th>
              <th>{text.ops.deliveries}</th>
              <th>{text.ops.deadSince}</th>
              <th aria-label={text.ops.requeue} />
            </tr>
          </thead>
          <tbody>
            {letters.map((letter) => (
              <tr key={letter.runId}>
                <td>
                  <input
                    type="checkbox"
                    aria-label={text.list.pickRun(letter.runId)}
                    checked={picked.has(letter.runId)}
                    onChange={() => {
                      const next = new Set(picked);
                      if (!next.delete(letter.runId)) next.add(letter.runId);
                      setPicked(next);
                    }}
                  />
                </td>
                <td>
                  <Link to={`/runs/${letter.runId}`}>
                    <code>{letter.runId}</code>
                  </Link>
                </td>
                <td>{letter.priority}</td>
                <td>{letter.deliveries}</td>
                <td className="quiet">{when(letter.deadSince)}</td>
                <td>
                  <div className="row">{buttons([letter.runId])}</div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
