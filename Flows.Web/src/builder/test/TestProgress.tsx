import { Pin, Square } from "lucide-react";
import { Link } from "react-router";
import { text } from "../../text";
import { between, duration } from "../../ui/format";
import { isFinal, StatusBadge, stepToneOf } from "../../runs/status";
import { Button, Failure } from "../../ui/ui";
import type { TestRun } from "./useTestRun";

const mostShown = 200;

/** The test run as it goes: its state, and a line for each step that ran. */
export function TestProgress({ test, onPick }: { test: TestRun; onPick: (step: string) => void }) {
  const { run } = test;
  return (
    <section className="test-progress" aria-live="polite">
      {test.error && <Failure error={test.error} />}
      {run && (
        <>
          <div className="row test-head">
            <StatusBadge status={run.status} />
            <span className="quiet">{duration(between(run.startedAt, isFinal(run.status) ? run.finishedAt : null))}</span>
            <span className="spring" />
            {test.isLive && (
              <Button icon={<Square size={14} />} onClick={test.cancel}>
                {text.runs.cancel}
              </Button>
            )}
            <Link to={`/runs/${run.id}`}>{text.build.openRun}</Link>
          </div>
          {run.error && (
            <div className="failure" role="alert">
              <p>
                <b>{run.failedStep ?? run.error.code}</b>: {run.error.message}
              </p>
            </div>
          )}
          {(run.status === "Paused" || run.status === "NeedsDecision") && <p className="help">{text.build.waitsThere}</p>}
          <ol className="test-lines">
            {test.steps.slice(0, mostShown).map((step) => (
              <li key={`${step.path}/${step.attempt}`}>
                <button type="button" className="test-line" onClick={() => onPick(step.name)}>
                  <i className={`dot ${stepToneOf(step.status)}`} aria-hidden />
                  <span className="cut">{step.path}</span>
                  {step.pinned && <Pin size={13} aria-hidden />}
                  <small className="quiet">{step.pinned ? text.build.pinnedUsed : step.status === "Succeeded" ? duration(step.durationMs === null ? null : Number(step.durationMs)) : step.status}</small>
                </button>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}
