import { useEffect, useState } from "react";
import type { RunView, StepView } from "../api/client";
import { text } from "../text";
import { duration } from "../ui/format";
import { spansOf } from "./journal";
import { isFinal, stepToneOf } from "./status";

const mostRows = 300;
const tickMs = 500;

/** Where the time of a run went: first as a whole, then step by step. Steps of parallel lanes lie side by side in time. */
export function Timeline({ run, lines, onPick }: { run: RunView; lines: StepView[]; onPick: (name: string) => void }) {
  const [now, setNow] = useState(Date.now);
  const isLive = !isFinal(run.status);
  useEffect(() => {
    if (!isLive) return;
    const timer = setInterval(() => setNow(Date.now()), tickMs);
    return () => clearInterval(timer);
  }, [isLive]);
  const start = new Date(run.createdAt).getTime();
  const end = run.finishedAt ? new Date(run.finishedAt).getTime() : Math.max(now, start + 1);
  const whole = Math.max(1, end - start);
  const place = (from: number, to: number) => ({ left: `${clamp((from / whole) * 100)}%`, width: `${Math.max(0.5, clamp(((to - from) / whole) * 100))}%` });
  const spans = spansOf(run, lines, now);
  return (
    <section className="timeline">
      <h2>{text.runs.timeline}</h2>
      <div className="timeline-row">
        <span>{text.run.whole}</span>
        <div className="timeline-bar tall" role="img" aria-label={spans.map((span) => `${text.run.spans[span.what]} ${duration(span.to - span.from)}`).join(", ")}>
          {spans.map((span) => (
            <i key={span.from} className={toneOfSpan[span.what]} title={`${text.run.spans[span.what]}: ${duration(span.to - span.from)}`} style={place(span.from, span.to)} />
          ))}
        </div>
        <small>{duration(whole)}</small>
      </div>
      {lines.length === 0 && <p className="help">{text.runs.noSteps}</p>}
      {lines.slice(0, mostRows).map((line) => {
        const from = new Date(line.startedAt).getTime() - start;
        const isOpen = line.durationMs === null || line.durationMs === undefined;
        return (
          <button key={line.path} type="button" className="timeline-row" title={line.path} onClick={() => onPick(line.name)}>
            <span className="cut">{line.path}</span>
            <div className="timeline-bar">
              <i className={stepToneOf(line.status)} style={place(from, isOpen ? whole : from + Number(line.durationMs))} />
            </div>
            <small>{isOpen ? "…" : duration(Number(line.durationMs))}</small>
          </button>
        );
      })}
      {lines.length > mostRows && <p className="help">{text.run.moreLines(lines.length - mostRows)}</p>}
    </section>
  );
}

const toneOfSpan = { queued: "quiet", working: "good", waiting: "waiting" } as const;
const clamp = (percent: number) => Math.max(0, Math.min(100, percent));
