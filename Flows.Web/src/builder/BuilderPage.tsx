import { useQuery, useQueryClient } from "@tanstack/react-query";
import { AlertTriangle, History, Play, Redo2, Undo2, UploadCloud } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { get, post, query, type FlowView, type RunView, type Schemas, type StepView } from "../api/client";
import { copyStep, findStep, insertStep, moveStep, placeOfProblem, removeStep, renameStep, stepsBefore, updateStep, type Definition, type Place, type Step } from "../flow/definition";
import { text } from "../text";
import { when } from "../ui/format";
import { useList } from "../ui/useList";
import { Button, Dialog, Failure, Field, IconButton, tell, tellError } from "../ui/ui";
import { Canvas, type StepNote } from "./Canvas";
import { DataSources, type DataSource } from "./ExpressionField";
import { newStep, StepPanel, TriggerPanel } from "./StepPanel";
import { StepPicker } from "./StepPicker";
import { useDraft, type SaveState } from "./useDraft";
import { usePieces } from "./usePieces";

const stateWords: Record<SaveState, string> = {
  saved: text.builder.saved, unsaved: text.builder.unsaved, saving: text.builder.saving, conflict: text.builder.conflict, failed: text.builder.unsaved,
};

export default function BuilderPage() {
  const { flowId = "" } = useParams();
  return <Builder key={flowId} flowId={flowId} />;
}

function Builder({ flowId }: { flowId: string }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const pieces = usePieces();
  const flow = useQuery({ queryKey: ["flows", flowId], queryFn: () => get<FlowView>(`api/v1/flows/${flowId}`) });
  const draft = useDraft(flowId);
  const [selected, setSelected] = useState<string | null>(null);
  const [dialog, setDialog] = useState<"publish" | "test" | "versions" | "problems" | null>(null);
  const [adding, setAdding] = useState<Place | null>(null);
  const copied = useRef<Step | null>(null);
  const { definition, change } = draft;
  const samples = useSamples(flowId, definition);

  const actions = useMemo(
    () => ({
      select: (id: string) => setSelected(id),
      add: (place: Place) => setAdding(place),
      move: (name: string, to: Place) => change((now) => moveStep(now, name, to)),
    }),
    [change],
  );
  const titles = useCallback(
    (step: Step | null) => {
      if (!step) {
        const trigger = definition?.trigger;
        const piece = pieces.byName.get(trigger?.piece ?? "");
        return { title: piece?.triggers.find((event) => event.name === trigger?.event)?.title ?? trigger?.piece ?? text.builder.trigger, kind: text.builder.trigger };
      }
      const piece = pieces.byName.get(step.piece ?? "");
      return { title: step.title ?? step.name, kind: step.kind === "action" ? `${piece?.title ?? step.piece}: ${piece?.actions.find((item) => item.name === step.action)?.title ?? step.action}` : step.kind };
    },
    [definition?.trigger, pieces],
  );
  const notes = useMemo(() => {
    const made = new Map<string, StepNote>();
    for (const problem of draft.problems) if (definition && problem.severity === "Error") made.set(placeOfProblem(definition, problem.path).step ?? "trigger", { hasProblem: true });
    return made;
  }, [draft.problems, definition]);

  const step = definition && selected ? findStep(definition, selected)?.step : undefined;
  const remove = useCallback(
    (name: string) => {
      change((now) => removeStep(now, name));
      setSelected(null);
    },
    [change],
  );
  const duplicate = useCallback(
    (name: string) =>
      change((now) => {
        const found = findStep(now, name);
        return found ? insertStep(now, { ...found.place, index: found.place.index + 1 }, copyStep(now, found.step)) : now;
      }),
    [change],
  );
  const paste = useCallback(() => {
    const source = copied.current;
    if (!source) return;
    change((now) => {
      const place = selected ? findStep(now, selected)?.place : undefined;
      return insertStep(now, place ? { ...place, index: place.index + 1 } : { list: { in: "flow" }, index: now.steps.length }, copyStep(now, source));
    });
  }, [change, selected]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (target.closest("input, textarea, select, [contenteditable], [role=dialog]")) return;
      const control = event.ctrlKey || event.metaKey;
      const key = event.key.toLowerCase();
      if (control && key === "z") {
        event.preventDefault();
        if (event.shiftKey) draft.redo();
        else draft.undo();
      } else if (control && key === "y") {
        event.preventDefault();
        draft.redo();
      } else if (control && key === "s") {
        event.preventDefault();
        void draft.save();
      } else if (control && key === "c" && selected && definition) {
        copied.current = findStep(definition, selected)?.step ?? null;
      } else if (control && key === "v") paste();
      else if (control && key === "d" && selected && selected !== "trigger") {
        event.preventDefault();
        duplicate(selected);
      } else if ((event.key === "Delete" || event.key === "Backspace") && selected && selected !== "trigger") remove(selected);
      else if (event.key === "Escape") setSelected(null);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });

  const sources = useMemo<DataSource[]>(() => {
    if (!definition || !selected || selected === "trigger") return [];
    return [
      ...stepsBefore(definition, selected).map((before) => ({ path: before.name, title: titles(before).title, sample: samples.get(before.name) })),
      { path: "trigger", title: titles(null).title, sample: samples.get("trigger") },
    ];
  }, [definition, selected, samples, titles]);

  if (draft.error && !definition) return <main className="page"><Failure error={draft.error} retry={() => void draft.reload()} /></main>;
  if (!definition || !flow.data) return <p className="loading">{text.common.loading}</p>;
  const errors = draft.problems.filter((problem) => problem.severity === "Error").length;
  const base = flow.data.webhookUrl ?? null;
  return (
    <main className="builder">
      <header className="builder-head">
        <h1>{flow.data.name}</h1>
        <span className={`save-state ${draft.state}`} role="status">
          {stateWords[draft.state]}
        </span>
        <IconButton label={text.builder.undo} disabled={!draft.canUndo} onClick={draft.undo}>
          <Undo2 size={18} />
        </IconButton>
        <IconButton label={text.builder.redo} disabled={!draft.canRedo} onClick={draft.redo}>
          <Redo2 size={18} />
        </IconButton>
        <span className="spring" />
        <Button icon={<AlertTriangle size={16} />} onClick={() => setDialog("problems")} className={errors > 0 ? "has-problems" : ""}>
          {draft.problems.length === 0 ? text.builder.noProblems : `${draft.problems.length} ${text.builder.problems.toLowerCase()}`}
        </Button>
        <Link className="button plain" to={`/runs?flow=${flowId}`}>
          {text.nav.runs}
        </Link>
        <Button icon={<History size={16} />} onClick={() => setDialog("versions")}>
          {text.builder.versions}
        </Button>
        <Button icon={<Play size={16} />} onClick={() => setDialog("test")}>
          {text.builder.test}
        </Button>
        <Button tone="primary" icon={<UploadCloud size={16} />} onClick={() => setDialog("publish")}>
          {text.builder.publish}
        </Button>
      </header>
      {draft.state === "conflict" && (
        <div className="banner" role="alert">
          {text.builder.conflict}
          <Button onClick={draft.takeTheirs}>{text.builder.takeTheirs}</Button>
          <Button onClick={draft.keepMine}>{text.builder.keepMine}</Button>
        </div>
      )}
      {draft.state === "failed" && draft.error && <Failure error={draft.error} retry={() => void draft.save()} />}
      <div className="builder-body">
        <Canvas definition={definition} titles={titles} notes={notes} selected={selected} actions={actions} />
        <DataSources.Provider value={{ sources, functions: pieces.functions }}>
          {selected === "trigger" && (
            <TriggerPanel
              definition={definition}
              pieces={pieces}
              problems={draft.problems}
              webhookUrl={base}
              onClose={() => setSelected(null)}
              onChange={(next, field) => change((now) => ({ ...now, trigger: next(now.trigger) }), field)}
            />
          )}
          {step && (
            <StepPanel
              definition={definition}
              step={step}
              pieces={pieces}
              problems={draft.problems}
              onClose={() => setSelected(null)}
              onChange={(next, field) => change((now) => updateStep(now, step.name, next), field)}
              onRename={(name) => {
                change((now) => renameStep(now, step.name, name));
                setSelected(name);
              }}
              onMove={(by) =>
                change((now) => {
                  const place = findStep(now, step.name)?.place;
                  return place && place.index + by >= 0 ? moveStep(now, step.name, { ...place, index: place.index + (by === 1 ? 2 : -1) }) : now;
                })
              }
              onDuplicate={() => duplicate(step.name)}
              onDelete={() => remove(step.name)}
            />
          )}
        </DataSources.Provider>
      </div>
      {adding && (
        <StepPicker
          pieces={pieces}
          onClose={() => setAdding(null)}
          onPick={(choice) => {
            const made = newStep(definition, choice);
            change((now) => insertStep(now, adding, made));
            setAdding(null);
            setSelected(made.name);
          }}
        />
      )}
      {dialog === "publish" && (
        <PublishDialog
          flowId={flowId}
          definition={definition}
          onClose={() => setDialog(null)}
          save={draft.save}
          onPublished={(version) => {
            setDialog(null);
            tell(`Version ${version} is published.`);
            void client.invalidateQueries({ queryKey: ["flows"] });
          }}
        />
      )}
      {dialog === "test" && (
        <TestDialog
          flowId={flowId}
          sample={samples.get("trigger")}
          save={draft.save}
          onClose={() => setDialog(null)}
          onStarted={(runId) => void navigate(`/runs/${runId}`)}
        />
      )}
      {dialog === "versions" && (
        <VersionsDialog
          flowId={flowId}
          definition={definition}
          onClose={() => setDialog(null)}
          onRestored={() => {
            setDialog(null);
            draft.takeTheirs();
            setSelected(null);
          }}
        />
      )}
      {dialog === "problems" && (
        <Dialog title={text.builder.problems} onClose={() => setDialog(null)}>
          {draft.problems.length === 0 && <p>{text.builder.noProblems}</p>}
          <ul className="notes">
            {draft.problems.map((problem, index) => {
              const place = placeOfProblem(definition, problem.path);
              return (
                <li key={index}>
                  <button
                    type="button"
                    className="link"
                    onClick={() => {
                      setSelected(place.step ?? "trigger");
                      setDialog(null);
                    }}
                  >
                    {place.step ?? text.builder.trigger}
                    {place.field && `: ${place.field}`}
                  </button>{" "}
                  {problem.message}
                </li>
              );
            })}
          </ul>
        </Dialog>
      )}
    </main>
  );
}

/** Outputs of the newest run of this flow, by step name: what the data picker shows. */
function useSamples(flowId: string, definition: Definition | null): ReadonlyMap<string, unknown> {
  const newest = useQuery({
    queryKey: ["runs", "newest", flowId],
    queryFn: async () => {
      const runs = await get<{ items: RunView[] }>(`api/v1/runs${query({ flow: flowId, limit: 1 })}`);
      const run = runs.items[0];
      if (!run) return null;
      const [whole, steps] = await Promise.all([get<RunView>(`api/v1/runs/${run.id}`), get<{ items: StepView[] }>(`api/v1/runs/${run.id}/steps?limit=200`)]);
      return { trigger: whole.trigger as unknown, steps: steps.items };
    },
  });
  const sampleOf = definition?.trigger;
  return useMemo(() => {
    const samples = new Map<string, unknown>();
    if (newest.data) {
      samples.set("trigger", newest.data.trigger);
      for (const step of newest.data.steps) if (!samples.has(step.name)) samples.set(step.name, step.output);
    } else if (sampleOf?.piece === "webhook") samples.set("trigger", { method: "POST", headers: {}, query: {}, body: {} });
    return samples;
  }, [newest.data, sampleOf]);
}

function PublishDialog({ flowId, definition, save, onClose, onPublished }: { flowId: string; definition: Definition; save: () => Promise<boolean>; onClose: () => void; onPublished: (version: number) => void }) {
  const [note, setNote] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const changes = useChanges(flowId, definition);
  const publish = async () => {
    try {
      if (!(await save())) throw new Error(text.builder.unsaved);
      const version = await post<Schemas["FlowVersionView"]>(`api/v1/flows/${flowId}/publish`, { note: note || null });
      onPublished(Number(version.number));
    } catch (failed) {
      setError(failed as Error);
    }
  };
  return (
    <Dialog title={text.builder.publishTitle} help={text.builder.publishHelp} onClose={onClose}>
      <ChangeList changes={changes} />
      <Field label={text.builder.publishNote}>{(id) => <input id={id} value={note} maxLength={500} onChange={(event) => setNote(event.target.value)} />}</Field>
      {error && <Failure error={error} />}
      <div className="dialog-actions">
        <Button onClick={onClose}>{text.common.cancel}</Button>
        <Button tone="primary" onClick={() => void publish()}>
          {text.builder.publish}
        </Button>
      </div>
    </Dialog>
  );
}

interface Change {
  step: string;
  what: "added" | "removed" | "changed";
}

/** What differs by step name; inner steps count for themselves. */
export function changesBetween(before: Definition, after: Definition): Change[] {
  const flat = (definition: Definition) => {
    const found = new Map<string, string>([["trigger", JSON.stringify({ ...definition.trigger })]]);
    const collect = (steps: Step[]) => {
      for (const step of steps) {
        const { steps: inner, branches, onError, ...own } = step;
        found.set(step.name, JSON.stringify({ ...own, branches: branches?.map(({ steps: _, ...branch }) => branch), onError: typeof onError === "object" ? "branch" : onError }));
        collect(inner ?? []);
        for (const branch of branches ?? []) collect(branch.steps);
        if (typeof onError === "object") collect(onError.steps);
      }
    };
    collect(definition.steps);
    return found;
  };
  const [old, now] = [flat(before), flat(after)];
  return [
    ...[...now].flatMap(([step, value]) => (old.get(step) === value ? [] : [{ step, what: old.has(step) ? ("changed" as const) : ("added" as const) }])),
    ...[...old.keys()].filter((step) => !now.has(step)).map((step) => ({ step, what: "removed" as const })),
  ];
}

function useChanges(flowId: string, definition: Definition): Change[] | null {
  const published = useQuery({
    queryKey: ["flows", flowId, "published"],
    queryFn: async () => {
      const flow = await get<FlowView>(`api/v1/flows/${flowId}`);
      return flow.publishedVersion ? await get<Schemas["FlowVersionDetail"]>(`api/v1/flows/${flowId}/versions/${flow.publishedVersion}`) : null;
    },
    staleTime: 0,
  });
  return useMemo(() => (published.data ? changesBetween(published.data.definition as unknown as Definition, definition) : null), [published.data, definition]);
}

function ChangeList({ changes }: { changes: Change[] | null }) {
  if (!changes) return null;
  if (changes.length === 0) return <p className="help">Nothing differs from the published version.</p>;
  return (
    <ul className="changes">
      {changes.map((item) => (
        <li key={item.step} className={item.what}>
          <code>{item.step}</code> {item.what}
        </li>
      ))}
    </ul>
  );
}

function TestDialog({ flowId, sample, save, onClose, onStarted }: { flowId: string; sample: unknown; save: () => Promise<boolean>; onClose: () => void; onStarted: (runId: string) => void }) {
  const body = sample !== null && typeof sample === "object" && "body" in sample ? sample.body : (sample ?? {});
  const [payload, setPayload] = useState(() => JSON.stringify(body, null, 2));
  const [error, setError] = useState<Error | null>(null);
  const run = async () => {
    try {
      JSON.parse(payload);
      if (!(await save())) throw new Error(text.builder.unsaved);
      const started = await post<{ runId?: string; id?: string }>(`api/v1/flows/${flowId}/draft/runs`, payload);
      onStarted((started.runId ?? started.id) as string);
    } catch (failed) {
      setError(failed as Error);
    }
  };
  return (
    <Dialog title={text.builder.testTitle} help={text.builder.testHelp} onClose={onClose}>
      <Field label={text.builder.trigger}>{(id) => <textarea id={id} rows={10} className="mono" value={payload} onChange={(event) => setPayload(event.target.value)} />}</Field>
      {error && <Failure error={error} />}
      <div className="dialog-actions">
        <Button onClick={onClose}>{text.common.cancel}</Button>
        <Button tone="primary" onClick={() => void run()}>
          {text.builder.run}
        </Button>
      </div>
    </Dialog>
  );
}

function VersionsDialog({ flowId, definition, onClose, onRestored }: { flowId: string; definition: Definition; onClose: () => void; onRestored: () => void }) {
  const versions = useList<Schemas["FlowVersionView"]>(["flows", flowId, "versions"], (cursor) => `api/v1/flows/${flowId}/versions${query({ limit: 50, cursor })}`);
  const [opened, setOpened] = useState<Schemas["FlowVersionDetail"] | null>(null);
  const open = (number: number) => get<Schemas["FlowVersionDetail"]>(`api/v1/flows/${flowId}/versions/${number}`).then(setOpened, tellError);
  return (
    <Dialog title={text.builder.versions} onClose={onClose}>
      {versions.isSuccess && versions.items.length === 0 && <p>{text.flows.notPublished}</p>}
      <ul className="cards">
        {versions.items.map((version) => (
          <li key={version.number} className="card">
            <button type="button" className="link card-title" onClick={() => void open(Number(version.number))}>
              Version {version.number}
            </button>
            {version.published && <span className="badge good">published</span>}
            <span className="cut">{version.note}</span>
            <span className="quiet">{when(version.createdAt)}</span>
          </li>
        ))}
      </ul>
      {opened && (
        <section>
          <h3>Version {opened.number}, from it to the draft</h3>
          <ChangeList changes={changesBetween(opened.definition as unknown as Definition, definition)} />
          <Button onClick={() => void post(`api/v1/flows/${flowId}/versions/${opened.number}/restore`).then(onRestored, tellError)}>{text.builder.restore}</Button>
        </section>
      )}
    </Dialog>
  );
}
