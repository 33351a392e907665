import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { StepView } from "../api/client";
import { text } from "../text";
import { duration, when } from "../ui/format";
import { Button } from "../ui/ui";
import { RunValue } from "./RunValue";
import { stepToneOf } from "./status";
import { allLines } from "./useLiveRun";

/** What a step did: each of its lines in the journal, and those that failed and that a retry has set aside. */
export function StepLines({ runId, isRetried, lines, title, canRetry, onRetry }: {
  runId: string;
  /** A worker has taken the run up more than once, so that there may be lines of before. */
  isRetried: boolean;
  lines: StepView[];
  title: string;
  canRetry: boolean;
  onRetry: (step: StepView) => void;
}) {
  const [picked, setPicked] = useState<string | null>(null);
  const line = lines.find((item) => item.path === picked) ?? lines.find((item) => item.status === "Failed") ?? lines[0];
  const history = useQuery({ queryKey: ["run", runId, "history"], queryFn: ({ signal }) => allLines(`api/v1/runs/${runId}/steps/history`, signal), enabled: isRetried });
  const before = (history.data ?? []).filter((item) => item.path === line?.path);
  return (
    <section>
      <h2>{title}</h2>
      {lines.length > 1 && (
        <select aria-label={text.run.whichLine} value={line?.path} onChange={(event) => setPicked(event.target.value)}>
          {lines.slice(0, 1000).map((item) => (
            <option key={item.path} value={item.path}>
              {item.path} · {item.status}
            </option>
          ))}
        </select>
      )}
      {!line && <p className="help">{text.runs.noSteps}</p>}
      {line && <Line key={line.path} line={line} />}
      {line && canRetry && (
        <Button onClick={() => onRetry(line)} disabled={Boolean(line.largeInput)} title={line.largeInput ? text.run.largeInput : undefined}>
          {text.runs.retryHere}
        </Button>
      )}
      {before.length > 0 && (
        <details className="history">
          <summary>{text.run.history(before.length)}</summary>
          {before.map((item) => (
            <Line key={item.startedAt} line={item} />
          ))}
        </details>
      )}
    </section>
  );
}

function Line({ line }: { line: StepView }) {
  const detail = line.error?.detail;
  return (
    <>
      <p className="quiet">
        <span className={`badge ${stepToneOf(line.status)}`}>{line.status}</span> {(line as { pinned?: boolean }).pinned && <span className="badge">{text.run.pinned}</span>} {when(line.startedAt)} ·{" "}
        {duration(line.durationMs === null ? null : Number(line.durationMs))} · {text.runs.attempt} {line.attempt} · {line.effect}
        {line.interrupted && ` · ${text.run.interrupted}`}
      </p>
      {line.error && (
        <div className="failure" role="alert">
          <p>
            <b>{line.error.code}</b>: {line.error.message}
          </p>
        </div>
      )}
      <RunValue title={text.run.detail} value={detail ?? undefined} large={line.largeError} name={`${line.path}-error`} />
      <RunValue title={text.runs.input} value={line.input ?? undefined} large={line.largeInput} name={`${line.path}-input`} />
      <RunValue title={text.runs.output} value={line.status === "Succeeded" ? line.output : (line.output ?? undefined)} large={line.largeOutput} name={`${line.path}-output`} />
      {line.logs && (
        <section className="value">
          <h3>{text.runs.logs}</h3>
          <pre className="raw">{line.logs}</pre>
        </section>
      )}
    </>
  );
}
