import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { Canvas, type StepNote } from "../builder/Canvas";
import { usePieces } from "../builder/usePieces";
import { post, type StepView } from "../api/client";
import { findStep, type Step } from "../flow/definition";
import { text } from "../text";
import { duration } from "../ui/format";
import { RunValue } from "./RunValue";
import { Button, Failure, tell, tellError } from "../ui/ui";
import { itemsOf, linesIn } from "./journal";
import { Items } from "./Items";
import { RetryDialog } from "./RetryDialog";
import { RunFacts } from "./RunFacts";
import { RunHead } from "./RunHead";
import { isFinal, stepToneOf } from "./status";
import { StepLines } from "./StepLines";
import { Timeline } from "./Timeline";
import { useRun } from "./useRun";
import { Waiting } from "./Waiting";

export default function RunPage() {
  const { runId = "" } = useParams();
  return <Page key={runId} runId={runId} />;
}

function Page({ runId }: { runId: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const pieces = usePieces();
  const { run, steps, flow, definition, isLive, isStreaming } = useRun(runId);
  const [search, setSearch] = useSearchParams();
  const selected = search.get("step");
  const [retried, setRetried] = useState<{ path: string; input: unknown } | null>(null);
  const [chosen, setChosen] = useState<ReadonlyMap<string, number>>(new Map());
  const select = useMemo(() => (step: string | null) => setSearch(step === null ? {} : { step }, { replace: true }), [setSearch]);

  const all = steps.data ?? none;
  const items = useMemo(() => itemsOf(all), [all]);
  const lines = useMemo(() => linesIn(all, chosen), [all, chosen]);
  const byName = useMemo(() => Map.groupBy(lines, (step) => step.name), [lines]);
  const notes = useMemo(() => {
    const made = new Map([...byName].map(([name, found]) => [name, noteOf(found)]));
    made.set("trigger", { tone: "good" });
    return made;
  }, [byName]);
  const actions = useMemo(() => ({ select }), [select]);
  const titles = useMemo(
    () => (step: Step | null) => {
      if (!step) return { title: pieces.byName.get(definition.data?.trigger.piece ?? "")?.title ?? text.runs.trigger, kind: text.runs.trigger };
      const piece = pieces.byName.get(step.piece ?? "");
      return { title: step.title ?? step.name, kind: step.kind === "action" ? `${piece?.title ?? step.piece}: ${step.action}` : step.kind };
    },
    [pieces, definition.data],
  );
  const act = async (action: () => Promise<unknown>, done: string) => {
    try {
      const result = (await action()) as { id?: string } | undefined;
      tell(done);
      await client.invalidateQueries({ queryKey: ["run", runId] });
      if (result?.id && result.id !== runId) await navigate(`/runs/${result.id}`);
    } catch (error) {
      tellError(error);
      await client.invalidateQueries({ queryKey: ["run", runId] });
    }
  };
  if (!run.data)
    return run.error ? (
      <main className="page">
        <Failure error={run.error} retry={() => void run.refetch()} />
      </main>
    ) : (
      <p className="loading">{text.common.loading}</p>
    );
  const data = run.data;
  const retry = (from: string, version: string, input?: unknown) => act(() => post(`api/v1/runs/${runId}/retry`, { from, version, ...(input === undefined ? {} : { input }) }), text.run.retried);
  const step = definition.data && selected ? findStep(definition.data, selected)?.step : undefined;
  return (
    <main className="builder">
      <RunHead run={data} flow={flow.data?.name ?? text.run.goneFlow} isLive={isLive} isStreaming={isStreaming} act={act} retry={retry} onEditTrigger={() => setRetried({ path: "start", input: data.trigger ?? null })} />
      {run.error && <Failure error={run.error} retry={() => void run.refetch()} />}
      {steps.error && <Failure error={steps.error} retry={() => void steps.refetch()} />}
      {data.error && (
        <div className="failure" role="alert">
          <p>
            <b>{data.failedStep ?? data.error.code}</b>: {data.error.message}
          </p>
        </div>
      )}
      <Waiting run={data} act={act} />
      <div className="builder-body">
        {definition.data ? (
          <Canvas definition={definition.data} titles={titles} notes={notes} selected={selected} actions={actions} />
        ) : (
          <p className="loading canvas">{definition.error ? text.run.goneDefinition : text.common.loading}</p>
        )}
        <aside className="panel" aria-label={text.runs.timeline}>
          <Items items={items} chosen={chosen} onChoose={setChosen} />
          {selected === null && (
            <>
              <RunFacts run={data} />
              <Timeline run={data} lines={lines} onPick={select} />
              {data.error && <ErrorDetail run={data} />}
              <RunValue title={text.runs.output} value={data.output ?? undefined} large={data.largeOutput} name={`run-${runId}-output`} />
            </>
          )}
          {selected === "trigger" && <RunValue title={text.runs.trigger} value={data.trigger ?? undefined} large={data.largeTrigger} name={`run-${runId}-trigger`} />}
          {selected !== null && selected !== "trigger" && (
            <StepLines
              key={`${selected} ${[...chosen].join()}`}
              runId={runId}
              isRetried={data.attempt > 1}
              lines={byName.get(selected) ?? none}
              title={step ? titles(step).title : selected}
              canRetry={isFinal(data.status)}
              onRetry={(line) => setRetried({ path: line.path, input: line.input })}
            />
          )}
          {selected !== null && (
            <Button tone="ghost" onClick={() => select(null)}>
              {text.runs.timeline}
            </Button>
          )}
        </aside>
      </div>
      {retried && (
        <RetryDialog
          path={retried.path}
          input={retried.input}
          onClose={() => setRetried(null)}
          onGo={(input) => {
            setRetried(null);
            void retry(retried.path, "same", input);
          }}
        />
      )}
    </main>
  );
}

const none: StepView[] = [];

/** What the box of a step says of all its lines: the worst of them, and their time together. */
function noteOf(lines: StepView[]): StepNote {
  const worst = lines.find((line) => line.status === "Failed") ?? lines.find((line) => line.status === "Running" || line.status === "Paused") ?? (lines[0] as StepView);
  const spent = lines.reduce((sum, line) => sum + Number(line.durationMs ?? 0), 0);
  const pinned = lines.some((line) => (line as { pinned?: boolean }).pinned) ? `${text.run.pinned} ` : "";
  if (lines.length > 1) return { tone: stepToneOf(worst.status), text: `${pinned}${text.run.times(lines.length, duration(spent))}` };
  return { tone: stepToneOf(worst.status), text: `${pinned}${worst.status === "Succeeded" ? "" : `${worst.status} `}${duration(Number(worst.durationMs ?? 0))}` };
}

function ErrorDetail({ run }: { run: { error?: { code: string; step?: string | null } | null } }) {
  return (
    <p className="quiet">
      <code>{run.error?.code}</code> {run.error?.step && <code>{run.error.step}</code>}
    </p>
  );
}
