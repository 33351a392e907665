import type { RunStatus } from "../api/client";
import { toneOf } from "../runs/status";

/** The last runs of a flow, newest first as the API gives them; drawn oldest first, one bar each. */
export function Sparkline({ statuses }: { statuses: readonly RunStatus[] }) {
  const last = statuses.slice(0, 24).reverse();
  const failed = last.filter((status) => toneOf(status) === "bad").length;
  return (
    <span className="sparkline" role="img" aria-label={last.length === 0 ? "no recent runs" : `${last.length} recent runs, ${failed} failed`}>
      {last.map((status, index) => (
        <i key={index} className={toneOf(status)} />
      ))}
    </span>
  );
}
