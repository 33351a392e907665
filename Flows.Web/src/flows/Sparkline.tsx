import type { RunView } from "../api/client";
import { toneOf } from "../runs/status";

/** The last runs of a flow, oldest first, one bar each. */
export function Sparkline({ runs }: { runs: RunView[] }) {
  const last = runs.slice(0, 24).reverse();
  const failed = last.filter((run) => toneOf(run.status) === "bad").length;
  return (
    <span className="sparkline" role="img" aria-label={last.length === 0 ? "no recent runs" : `${last.length} recent runs, ${failed} failed`}>
      {last.map((run) => (
        <i key={run.id} className={toneOf(run.status)} />
      ))}
    </span>
  );
}
