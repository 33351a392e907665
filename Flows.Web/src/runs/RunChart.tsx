import { useQuery } from "@tanstack/react-query";
import { get, type RunStatus, type Schemas } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { chartQuery, type RunsFilter } from "./filter";
import { toneOf, type Tone } from "./status";

const buckets = 48;
const order: Tone[] = ["bad", "waiting", "busy", "quiet", "good"];

/** How the runs of a time ended, as the API counts them. A column is a part of the time, and takes there. */
export function RunChart({ filter, refresh, onPick }: { filter: RunsFilter; refresh: number | false; onPick: (from: string, to: string) => void }) {
  const chart = useQuery({
    queryKey: ["runs", "chart", filter],
    queryFn: ({ signal }) => get<Schemas["RunChart"]>(`api/v1/runs/chart${chartQuery(filter, Date.now(), buckets)}`, signal),
    placeholderData: (before) => before,
    refetchInterval: refresh,
  });
  if (!chart.data || Number(chart.data.counted) === 0) return null;
  const { from, to, bucketSeconds } = chart.data;
  const start = new Date(from).getTime();
  const width = Number(bucketSeconds) * 1000;
  const columns = columnsOf(chart.data);
  const most = Math.max(1, ...columns.map((column) => column.total));
  const totals = order.map((tone) => ({ tone, count: columns.reduce((sum, column) => sum + (column.tones.get(tone) ?? 0), 0) })).filter(({ count }) => count > 0);
  return (
    <figure className="chart-figure">
      <div className="chart">
        {columns.map((column, index) => {
          const at = new Date(start + index * width);
          return (
            <button
              key={index}
              type="button"
              className="chart-column"
              disabled={column.total === 0}
              title={column.total === 0 ? undefined : `${when(at.toISOString())}: ${text.list.counted(column.total)}`}
              aria-label={`${when(at.toISOString())}: ${text.list.counted(column.total)}`}
              onClick={() => onPick(at.toISOString(), new Date(start + (index + 1) * width).toISOString())}
            >
              {order.map((tone) => {
                const count = column.tones.get(tone) ?? 0;
                return count > 0 && <i key={tone} className={tone} style={{ height: `${Math.max(3, (count / most) * 100)}%` }} />;
              })}
            </button>
          );
        })}
      </div>
      <figcaption className="quiet">
        <span>{when(from)}</span>
        <span className="chart-key">
          {totals.map(({ tone, count }) => (
            <span key={tone}>
              <i className={tone} /> {text.list.tones[tone]} {count}
            </span>
          ))}
          {chart.data.isCut && text.list.cut(Number(chart.data.counted))}
        </span>
        <span>{when(to)}</span>
      </figcaption>
    </figure>
  );
}

/** The buckets as the columns that are drawn, also those in which nothing was. */
export function columnsOf(chart: Schemas["RunChart"]): { tones: Map<Tone, number>; total: number }[] {
  const start = new Date(chart.from).getTime();
  const columns = Array.from({ length: buckets }, () => ({ tones: new Map<Tone, number>(), total: 0 }));
  for (const bucket of chart.buckets) {
    const column = columns[Math.min(buckets - 1, Math.max(0, Math.round((new Date(bucket.at).getTime() - start) / 1000 / Number(chart.bucketSeconds))))];
    if (!column) continue;
    for (const [status, count] of Object.entries(bucket.counts)) {
      const tone = toneOf(status as RunStatus);
      column.tones.set(tone, (column.tones.get(tone) ?? 0) + Number(count));
      column.total += Number(count);
    }
  }
  return columns;
}
