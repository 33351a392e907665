import { useMutation, useQuery } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { get, post, type RunView, type Schemas } from "../../api/client";
import { pastEvents, type PastEvent } from "../../api/testing";
import { StatusBadge } from "../../runs/status";
import { text } from "../../text";
import { when } from "../../ui/format";
import { Button, Failure } from "../../ui/ui";
import { glimpse } from "../fields/completion";
import { TestProgress } from "./TestProgress";
import { triggerName, type Samples } from "./useSamples";
import type { TestRun } from "./useTestRun";
import type { Trigger } from "../../flow/definition";

const CodeEditor = lazy(() => import("../../ui/CodeEditor"));

interface TriggerTestProps {
  flowId: string;
  trigger: Trigger;
  /** How the trigger is started: `polling` ones can be asked what is new. */
  kind: string | undefined;
  samples: Samples;
  test: TestRun;
  onPick: (step: string) => void;
}

/** Starts the draft with what its trigger gives: a sample, one that is typed, or one that came before. */
export function TriggerTest({ flowId, trigger, kind, samples, test, onPick }: TriggerTestProps) {
  const known = samples.of(triggerName);
  // Null until it is typed: until then the newest sample is shown, also when that comes later than this panel.
  const [typed, setTyped] = useState<string | null>(null);
  const [withPinned, setWithPinned] = useState(true);
  const [isPicking, setPicking] = useState(false);
  const [isKeeping, setKeeping] = useState(false);
  const payload = typed ?? JSON.stringify(known?.output ?? {}, null, 2);
  const problem = problemOf(payload);
  const pinned = [...samples.pinned].filter((step) => step !== triggerName).length;
  const ask = useMutation({
    mutationFn: () => post<Schemas["SampleList"]>(`api/v1/pieces/${trigger.piece}/triggers/${trigger.event}/sample`, { input: trigger.input ?? {}, ...(trigger.connection ? { connection: trigger.connection } : {}) }),
    onSuccess: (answer) => setTyped(JSON.stringify(answer.items[0] ?? {}, null, 2)),
  });
  const run = async () => {
    if (problem) return;
    const value = JSON.parse(payload) as unknown;
    // Kept first: the previews of the steps are then of what ran. What cannot be kept can be run all the same.
    if (typed !== null) {
      setKeeping(true);
      await samples.keep(triggerName, value, false).catch(() => {});
    }
    const starting = test.start(value, { pinned: withPinned });
    setKeeping(false);
    await starting;
  };
  return (
    <div className="test">
      <p className="help">{text.builder.testHelp}</p>
      <div className="row">
        <h3 className="grow">{text.build.triggerGives}</h3>
        <button type="button" className="link" aria-expanded={isPicking} onClick={() => setPicking(!isPicking)}>
          {text.build.pickEvent}
        </button>
        {kind === "polling" && (
          <button type="button" className="link" disabled={ask.isPending} onClick={() => ask.mutate()}>
            {ask.isPending ? text.common.loading : text.build.askService}
          </button>
        )}
      </div>
      {isPicking && (
        <PastEvents
          flowId={flowId}
          onPick={(value) => {
            setTyped(JSON.stringify(value, null, 2));
            setPicking(false);
          }}
        />
      )}
      {ask.error && <Failure error={ask.error} />}
      <Suspense fallback={<p className="loading">{text.common.loading}</p>}>
        <CodeEditor language="json" label={text.build.triggerGives} value={payload} onChange={(next) => next !== payload && setTyped(next)} />
      </Suspense>
      {problem ? (
        <p className="problem" role="alert">
          {problem}
        </p>
      ) : (
        known && typed === null && <p className="help">{known.from === "description" ? text.build.fromDescription : known.from === "run" ? text.build.fromRun(when(known.at)) : text.build.kept(when(known.at))}</p>
      )}
      {pinned > 0 && (
        <label className="tick">
          <input type="checkbox" checked={withPinned} onChange={(event) => setWithPinned(event.target.checked)} />
          {text.build.usePinned(pinned)}
        </label>
      )}
      <div className="row test-actions">
        <Button tone="primary" icon={<Play size={15} />} disabled={problem !== null || isKeeping || test.isStarting || test.isLive} onClick={() => void run()}>
          {text.builder.run}
        </Button>
      </div>
      <TestProgress test={test} onPick={onPick} />
    </div>
  );
}

function problemOf(payload: string): string | null {
  try {
    JSON.parse(payload);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function PastEvents({ flowId, onPick }: { flowId: string; onPick: (payload: unknown) => void }) {
  const events = useQuery({ queryKey: ["events", flowId], queryFn: () => pastEvents(flowId) });
  const take = useMutation({
    mutationFn: async (event: PastEvent) => (event.payload !== undefined && event.payload !== null ? event.payload : (await get<RunView>(`api/v1/runs/${event.runId}`)).trigger),
    onSuccess: onPick,
  });
  return (
    <div className="events" role="group" aria-label={text.build.pastEvents}>
      {events.isLoading && <p className="help">{text.common.loading}</p>}
      {events.error && <Failure error={events.error} retry={() => void events.refetch()} />}
      {events.data?.length === 0 && <p className="help">{text.build.noEvents}</p>}
      {take.error && <Failure error={take.error} />}
      {events.data?.map((event) => (
        <button key={event.runId} type="button" className="event" disabled={take.isPending} onClick={() => take.mutate(event)}>
          <span>
            {when(event.at)} · {event.origin} <StatusBadge status={event.status} />
          </span>
          <small className="mono cut">{event.payload === undefined || event.payload === null ? text.build.large : typeof event.payload === "object" ? JSON.stringify(event.payload).slice(0, 200) : glimpse(event.payload)}</small>
        </button>
      ))}
    </div>
  );
}
