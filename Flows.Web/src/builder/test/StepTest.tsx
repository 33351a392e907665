import { Play, SkipForward } from "lucide-react";
import { useState } from "react";
import { missingSamples } from "../../api/testing";
import { isFinal, stepToneOf } from "../../runs/status";
import { text } from "../../text";
import { duration } from "../../ui/format";
import { Value } from "../../ui/JsonView";
import { Button } from "../../ui/ui";
import { SampleEditor } from "./SampleEditor";
import { TestProgress } from "./TestProgress";
import { triggerName, type Samples } from "./useSamples";
import type { TestRun } from "./useTestRun";

interface StepTestProps {
  step: string;
  samples: Samples;
  test: TestRun;
  onPick: (step: string) => void;
}

/** Runs this one step on samples of what comes before it, or everything up to it; and keeps what it gives as a sample. */
export function StepTest({ step, samples, test, onPick }: StepTestProps) {
  const payload = samples.of(triggerName)?.output ?? {};
  const lines = test.steps.filter((line) => line.name === step);
  const [at, setAt] = useState(0);
  const failed = lines.findIndex((line) => line.status === "Failed");
  const line = lines[at < lines.length ? at : 0] ?? (failed >= 0 ? lines[failed] : undefined);
  const isBusy = test.isStarting || test.isLive;
  const missing = missingSamples(test.error);
  return (
    <div className="test">
      <div className="row test-actions">
        <Button tone="primary" icon={<Play size={15} />} disabled={isBusy} onClick={() => void test.start(payload, { step, only: true })}>
          {text.build.testStep}
        </Button>
        <Button icon={<SkipForward size={15} />} disabled={isBusy} onClick={() => void test.start(payload, { step })}>
          {text.build.testUpTo}
        </Button>
      </div>
      <p className="help">{text.build.testStepHelp}</p>
      {missing.length > 0 && (
        <p className="help">
          {text.build.missing}{" "}
          {missing.map((name) => (
            <button key={name} type="button" className="link" onClick={() => onPick(name)}>
              {name}
            </button>
          ))}
        </p>
      )}
      {(test.error || (test.run && test.target === step)) && <TestProgress test={test} onPick={onPick} />}
      {lines.length > 1 && (
        <select aria-label={text.build.whichTime} value={at} onChange={(event) => setAt(Number(event.target.value))}>
          {lines.map((item, index) => (
            <option key={item.path} value={index}>
              {item.path} · {item.status}
            </option>
          ))}
        </select>
      )}
      {line && (
        <section className="test-result" aria-label={text.build.result}>
          <p className="quiet">
            <span className={`badge ${stepToneOf(line.status)}`}>{line.status}</span> {duration(line.durationMs === null ? null : Number(line.durationMs))}
            {line.pinned && ` · ${text.build.pinnedUsed}`}
          </p>
          {line.error && !(test.run?.error && test.target === step) && (
            <div className="failure" role="alert">
              <p>
                <b>{line.error.code}</b>: {line.error.message}
              </p>
            </div>
          )}
          <Value title={text.runs.input} value={line.input ?? undefined} />
          <Value title={text.runs.output} value={line.output ?? undefined} />
          {line.logs && (
            <section className="value">
              <h3>{text.runs.logs}</h3>
              <pre className="raw">{line.logs}</pre>
            </section>
          )}
        </section>
      )}
      <SampleEditor key={step} step={step} samples={samples} fresh={line && line.status === "Succeeded" && test.run && isFinal(test.run.status) ? { output: line.output, runId: test.run.id } : null} />
    </div>
  );
}
