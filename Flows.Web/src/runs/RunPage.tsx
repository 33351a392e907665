import { useQuery, useQueryClient } from "@tanstack/react-query";
import { RotateCcw, Square } from "lucide-react";
import { useMemo, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { Canvas, type StepNote } from "../builder/Canvas";
import { JsonField } from "../builder/ExpressionField";
import { usePieces } from "../builder/usePieces";
import { get, post, query, type FlowView, type RunView, type Schemas, type StepView } from "../api/client";
import { findStep, type Definition, type Step } from "../flow/definition";
import { text } from "../text";
import { between, duration, when } from "../ui/format";
import { Value } from "../ui/JsonView";
import { Button, CopyButton, Dialog, Failure, Menu, tell, tellError } from "../ui/ui";
import { isFinal, StatusBadge, stepToneOf } from "./status";

const mostPages = 20;
const liveMs = 400;

export default function RunPage() {
  const { runId = "" } = useParams();
  const client = useQueryClient();
  const navigate = useNavigate();
  const pieces = usePieces();
  const run = useQuery({
    queryKey: ["run", runId],
    queryFn: () => get<RunView>(`api/v1/runs/${runId}`),
    refetchInterval: (state) => (state.state.data && isFinal(state.state.data.status) ? false : liveMs),
  });
  const isLive = run.data ? !isFinal(run.data.status) : false;
  const steps = useQuery({
    queryKey: ["run", runId, "steps", run.data?.status, run.data?.attempt],
    queryFn: () => allSteps(runId),
    enabled: run.data !== undefined,
    placeholderData: (before) => before,
    refetchInterval: isLive ? liveMs : false,
  });
  const flow = useQuery({ queryKey: ["flows", run.data?.flowId], queryFn: () => get<FlowView>(`api/v1/flows/${run.data?.flowId}`), enabled: run.data !== undefined });
  const definition = useQuery({
    queryKey: ["run", runId, "definition", run.data?.version],
    enabled: run.data !== undefined,
    staleTime: Infinity,
    queryFn: async () =>
      run.data?.version
        ? ((await get<Schemas["FlowVersionDetail"]>(`api/v1/flows/${run.data.flowId}/versions/${run.data.version}`)).definition as unknown as Definition)
        : await get<Definition>(`api/v1/flows/${run.data?.flowId}/draft`),
  });
  const [selected, setSelected] = useState<string | null>(null);
  const [retried, setRetried] = useState<StepView | null>(null);

  const byName = useMemo(() => Map.groupBy(steps.data ?? [], (step) => step.name), [steps.data]);
  const notes = useMemo(() => {
    const made = new Map<string, StepNote>();
    for (const [name, lines] of byName) {
      const worst = lines.find((line) => line.status === "Failed") ?? lines.find((line) => line.status === "Running" || line.status === "Paused") ?? lines[0];
      if (!worst) continue;
      const spent = lines.reduce((sum, line) => sum + Number(line.durationMs ?? 0), 0);
      made.set(name, { tone: stepToneOf(worst.status), text: lines.length > 1 ? `${lines.length} times, ${duration(spent)}` : `${worst.status === "Succeeded" ? "" : `${worst.status} `}${duration(Number(worst.durationMs ?? 0))}` });
    }
    if (run.data) made.set("trigger", { tone: "good" });
    return made;
  }, [byName, run.data]);
  const actions = useMemo(() => ({ select: setSelected }), []);
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
      const result = (await action()) as { id?: string; nowRunId?: string } | undefined;
      tell(done);
      await client.invalidateQueries({ queryKey: ["run", runId] });
      const other = result?.nowRunId ?? result?.id;
      if (other && other !== runId) await navigate(`/runs/${other}`);
    } catch (error) {
      tellError(error);
    }
  };
  if (run.error) return <main className="page"><Failure error={run.error} retry={() => void run.refetch()} /></main>;
  if (!run.data) return <p className="loading">{text.common.loading}</p>;
  const data = run.data;
  const retry = (from: string, version: string, input?: unknown) => act(() => post(`api/v1/runs/${runId}/retry`, { from, version, ...(input === undefined ? {} : { input }) }), text.runs.retry);
  const waiting = data.waitingFor as { path?: string; kind?: string } | null | undefined;
  return (
    <main className="builder">
      <header className="builder-head">
        <h1>
          <Link to={`/flows/${data.flowId}`}>{flow.data?.name ?? text.runs.flow}</Link>
        </h1>
        <StatusBadge status={data.status} />
        {isLive && <span className="live">{text.runs.live}</span>}
        <span className="quiet">
          {when(data.createdAt)} · {duration(between(data.startedAt, isFinal(data.status) ? data.finishedAt : null))} · {text.runs.attempt} {data.attempt}
          {data.version ? ` · version ${data.version}` : " · draft"}
        </span>
        <CopyButton value={location.href} label="Copy a link to this run" />
        <span className="spring" />
        {isLive && data.worker && (
          <span className="quiet">
            {text.runs.worker} {data.worker}, {text.runs.lease} {when(data.leaseUntil)}
          </span>
        )}
        {!isFinal(data.status) && (
          <Button tone="danger" icon={<Square size={16} />} onClick={() => void act(() => post(`api/v1/runs/${runId}/cancel`), text.runs.cancel)}>
            {text.runs.cancel}
          </Button>
        )}
        {isFinal(data.status) && (
          <Menu
            label={text.runs.retry}
            trigger={<RotateCcw size={18} />}
            items={[
              { label: text.runs.retryFailed, disabled: data.status === "Succeeded", run: () => void retry("failed", "same") },
              { label: text.runs.retryStart, run: () => void retry("start", "same") },
              { label: text.runs.retryLatest, run: () => void retry("start", "latest") },
            ]}
          />
        )}
      </header>
      {data.error && (
        <div className="failure" role="alert">
          <p>
            <b>{data.failedStep ?? data.error.code}</b>: {data.error.message}
          </p>
        </div>
      )}
      {data.status === "NeedsDecision" && waiting?.path && <Decide runId={runId} path={waiting.path} act={act} />}
      {data.status === "Paused" && waiting && (
        <div className="banner">
          {text.runs.waits}: <code>{JSON.stringify(waiting)}</code>
        </div>
      )}
      <div className="builder-body">
        {definition.data && <Canvas definition={definition.data} titles={titles} notes={notes} selected={selected} actions={actions} />}
        <aside className="panel" aria-label={text.runs.timeline}>
          {selected === null && (
            <>
              <Timeline run={data} steps={steps.data ?? []} onPick={setSelected} />
              <Value title={text.runs.output} value={data.output ?? undefined} />
            </>
          )}
          {selected === "trigger" && <Value title={text.runs.trigger} value={data.trigger} />}
          {selected !== null && selected !== "trigger" && (
            <StepLines
              key={selected}
              lines={byName.get(selected) ?? []}
              title={definition.data ? titles(findStep(definition.data, selected)?.step ?? null).title : selected}
              canRetry={isFinal(data.status)}
              onRetry={setRetried}
            />
          )}
          {selected !== null && (
            <Button tone="ghost" onClick={() => setSelected(null)}>
              {text.runs.timeline}
            </Button>
          )}
        </aside>
      </div>
      {retried && (
        <RetryDialog
          step={retried}
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

async function allSteps(runId: string): Promise<StepView[]> {
  const all: StepView[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page++) {
    const answer: { items: StepView[]; nextCursor: string | null } = await get(`api/v1/runs/${runId}/steps${query({ limit: 200, cursor })}`);
    all.push(...answer.items);
    cursor = answer.nextCursor;
    if (!cursor) break;
  }
  return all;
}

function Timeline({ run, steps, onPick }: { run: RunView; steps: StepView[]; onPick: (name: string) => void }) {
  const start = new Date(run.createdAt).getTime();
  const end = run.finishedAt ? new Date(run.finishedAt).getTime() : Math.max(Date.now(), start + 1);
  const span = Math.max(1, end - start);
  const at = (iso: string) => `${Math.max(0, Math.min(100, ((new Date(iso).getTime() - start) / span) * 100))}%`;
  const wide = (ms: number) => `${Math.max(0.5, Math.min(100, (ms / span) * 100))}%`;
  return (
    <section className="timeline">
      <h2>{text.runs.timeline}</h2>
      {steps.length === 0 && <p className="help">{text.runs.noSteps}</p>}
      {run.startedAt && (
        <div className="timeline-row">
          <span>queued</span>
          <div className="timeline-bar">
            <i className="quiet" style={{ left: 0, width: wide(new Date(run.startedAt).getTime() - start) }} />
          </div>
        </div>
      )}
      {steps.slice(0, 200).map((step) => (
        <button key={step.path} type="button" className="timeline-row" onClick={() => onPick(step.name)}>
          <span className="cut">{step.path}</span>
          <div className="timeline-bar">
            <i className={stepToneOf(step.status)} style={{ left: at(step.startedAt), width: wide(step.durationMs === null || step.durationMs === undefined ? Date.now() - new Date(step.startedAt).getTime() : Number(step.durationMs)) }} />
          </div>
          <small>{duration(step.durationMs === null ? null : Number(step.durationMs))}</small>
        </button>
      ))}
    </section>
  );
}

function StepLines({ lines, title, canRetry, onRetry }: { lines: StepView[]; title: string; canRetry: boolean; onRetry: (step: StepView) => void }) {
  const failed = lines.findIndex((line) => line.status === "Failed");
  const [at, setAt] = useState(Math.max(0, failed));
  const line = lines[at];
  return (
    <section>
      <h2>{title}</h2>
      {lines.length > 1 && (
        <select aria-label="Which time" value={at} onChange={(event) => setAt(Number(event.target.value))}>
          {lines.map((item, index) => (
            <option key={item.path} value={index}>
              {item.path} · {item.status}
            </option>
          ))}
        </select>
      )}
      {!line && <p className="help">{text.runs.noSteps}</p>}
      {line && (
        <>
          <p className="quiet">
            <span className={`badge ${stepToneOf(line.status)}`}>{line.status}</span> {duration(line.durationMs === null ? null : Number(line.durationMs))} · {text.runs.attempt} {line.attempt} · {line.effect}
            {line.interrupted && " · cut off"}
          </p>
          {line.error && (
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
          {canRetry && <Button onClick={() => onRetry(line)}>{text.runs.retryHere}</Button>}
        </>
      )}
    </section>
  );
}

function RetryDialog({ step, onClose, onGo }: { step: StepView; onClose: () => void; onGo: (input: unknown) => void }) {
  const [input, setInput] = useState<unknown>(step.input ?? undefined);
  const [isEdited, setEdited] = useState(false);
  return (
    <Dialog title={`${text.runs.retryHere}: ${step.path}`} onClose={onClose} wide>
      <JsonField
        label={text.runs.edited}
        value={step.input}
        onChange={(next) => {
          setInput(next);
          setEdited(true);
        }}
      />
      <div className="dialog-actions">
        <Button onClick={onClose}>{text.common.cancel}</Button>
        <Button tone="primary" onClick={() => onGo(isEdited ? input : undefined)}>
          {text.runs.retry}
        </Button>
      </div>
    </Dialog>
  );
}

function Decide({ runId, path, act }: { runId: string; path: string; act: (action: () => Promise<unknown>, done: string) => Promise<void> }) {
  const [output, setOutput] = useState<unknown>(undefined);
  const decide = (decision: string) => act(() => post(`api/v1/runs/${runId}/decide`, { path, decision, ...(decision === "happened" ? { output: output ?? null } : {}) }), decision);
  return (
    <div className="banner tall" role="alert">
      <h2>
        {text.runs.decideTitle} <code>{path}</code>
      </h2>
      <p>{text.runs.decideHelp}</p>
      <details>
        <summary>{text.runs.output}</summary>
        <JsonField label={text.runs.output} value={undefined} onChange={setOutput} />
      </details>
      <div className="row">
        <Button onClick={() => void decide("happened")}>{text.runs.happened}</Button>
        <Button onClick={() => void decide("repeat")}>{text.runs.repeat}</Button>
        <Button tone="danger" onClick={() => void decide("stop")}>
          {text.runs.stopIt}
        </Button>
      </div>
    </div>
  );
}
