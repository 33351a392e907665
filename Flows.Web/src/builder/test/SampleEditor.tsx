import { Pin, PinOff } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { text } from "../../text";
import { when } from "../../ui/format";
import { JsonView } from "../../ui/JsonView";
import { Button, Failure } from "../../ui/ui";
import type { Samples } from "./useSamples";

const CodeEditor = lazy(() => import("../../ui/CodeEditor"));

/** The sample output of a step: previews use it, and while it is pinned test runs take it instead of running the step. */
export function SampleEditor({ step, samples, fresh }: { step: string; samples: Samples; fresh: { output: unknown; runId: string } | null }) {
  const known = samples.of(step);
  const [edited, setEdited] = useState<string | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const shown = known?.isPinned ? known.output : fresh ? fresh.output : known?.output;
  const hasSample = known !== undefined || fresh !== null;
  const act = async (action: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await action();
    } catch (failed) {
      setError(failed as Error);
    } finally {
      setBusy(false);
    }
  };
  const save = () =>
    act(async () => {
      await samples.keep(step, JSON.parse(edited ?? "null"), true);
      setEdited(null);
    });
  return (
    <section className="sample" aria-label={text.build.sample}>
      <header className="row">
        <h3 className="grow">{text.build.sample}</h3>
        {known?.isPinned && (
          <span className="badge waiting">
            <Pin size={12} aria-hidden /> {text.build.pinned}
          </span>
        )}
      </header>
      <p className="help">
        {known?.isPinned
          ? text.build.pinnedHelp
          : !hasSample
            ? text.build.noSampleYet
            : fresh
              ? text.build.fromThisTest
              : known?.from === "run"
                ? text.build.fromRun(when(known.at))
                : text.build.kept(when(known?.at))}
      </p>
      {error && <Failure error={error} />}
      {edited === null ? (
        <>
          {hasSample && <JsonView value={shown} />}
          <div className="row test-actions">
            {known?.isPinned ? (
              <Button icon={<PinOff size={15} />} disabled={isBusy} onClick={() => void act(() => samples.keep(step, known.output, false, known.runId))}>
                {text.build.unpin}
              </Button>
            ) : (
              <Button icon={<Pin size={15} />} disabled={isBusy || !hasSample} onClick={() => void act(() => samples.keep(step, shown ?? null, true, fresh?.runId ?? known?.runId))}>
                {text.build.pin}
              </Button>
            )}
            <Button disabled={isBusy} onClick={() => setEdited(JSON.stringify(shown ?? {}, null, 2))}>
              {hasSample ? text.build.editSample : text.build.writeSample}
            </Button>
            {known?.from === "kept" && (
              <Button disabled={isBusy} onClick={() => void act(() => samples.drop(step))}>
                {text.build.forget}
              </Button>
            )}
          </div>
        </>
      ) : (
        <>
          <Suspense fallback={<p className="loading">{text.common.loading}</p>}>
            <CodeEditor language="json" label={text.build.sample} value={edited} onChange={setEdited} />
          </Suspense>
          <div className="row test-actions">
            <Button tone="primary" disabled={isBusy} onClick={() => void save()}>
              {text.build.saveAndPin}
            </Button>
            <Button onClick={() => (setEdited(null), setError(null))}>{text.common.cancel}</Button>
          </div>
        </>
      )}
    </section>
  );
}
