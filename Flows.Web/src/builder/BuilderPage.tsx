import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useParams } from "react-router";
import { get, type FlowView } from "../api/client";
import { findStep, listsOf, placeOfProblem, renameStep, updateStep, type Place, type Step } from "../flow/definition";
import { layOut, nodeWidth } from "../flow/layout";
import { text } from "../text";
import { Failure } from "../ui/ui";
import { BuilderDialogs, type Open } from "./BuilderDialogs";
import { BuilderHead } from "./BuilderHead";
import { Canvas, type StepNote } from "./Canvas";
import { DataSources } from "./fields/sources";
import { newStep } from "./panel/newStep";
import { StepPanel } from "./panel/StepPanel";
import type { Side } from "./panel/Tabs";
import { TriggerPanel } from "./panel/TriggerPanel";
import { StepPicker } from "./StepPicker";
import { PreviewsAway } from "./PreviewsAway";
import { StepTest } from "./test/StepTest";
import { TriggerTest } from "./test/TriggerTest";
import { triggerName, useSamples } from "./test/useSamples";
import { useStepData } from "./test/useStepData";
import { useTestRun } from "./test/useTestRun";
import { useDraft } from "./useDraft";
import { useEditing } from "./useEditing";
import { usePieces } from "./usePieces";
import { focusPanel, useShortcuts } from "./useShortcuts";
import { useTitles } from "./useTitles";
import "./builder.css";

export default function BuilderPage() {
  const { flowId = "" } = useParams();
  return <Builder key={flowId} flowId={flowId} />;
}

function Builder({ flowId }: { flowId: string }) {
  const pieces = usePieces();
  const flow = useQuery({ queryKey: ["flows", flowId], queryFn: () => get<FlowView>(`api/v1/flows/${flowId}`) });
  const draft = useDraft(flowId);
  const { definition, change, problems } = draft;
  const [selected, setSelected] = useState<string | null>(null);
  const [side, setSide] = useState<Side>("settings");
  const [open, setOpen] = useState<Open | null>(null);
  const [adding, setAdding] = useState<Place | null>(null);
  const samples = useSamples(flowId, definition, pieces);
  const test = useTestRun(flowId, draft.save, samples.refresh);
  const editing = useEditing(definition, selected, change, setSelected);
  const titlesOf = useTitles(pieces);
  const trigger = definition?.trigger;
  const titles = useMemo(() => (trigger ? titlesOf({ trigger }) : () => ({ title: "", kind: "" })), [trigger, titlesOf]);
  const titleOf = useCallback((step: Step | null) => titles(step).title, [titles]);
  const data = useStepData(definition, selected, samples, titleOf);
  const sources = useMemo(() => ({ ...data, functions: pieces.functions }), [data, pieces.functions]);
  const actions = useMemo(
    () => ({
      select: (id: string) => {
        setSelected(id);
        // A click of the keyboard: who cannot see the canvas goes on in the panel.
        if (document.activeElement?.matches(":focus-visible")) focusPanel();
      },
      add: setAdding,
      move: editing.move,
    }),
    [editing],
  );
  const notes = useMemo(() => {
    const made = new Map<string, StepNote>(test.notes);
    if (definition) for (const problem of problems) if (problem.severity === "Error") put(made, placeOfProblem(definition, problem.path).step ?? triggerName, { hasProblem: true });
    for (const name of samples.pinned) put(made, name, { isPinned: true });
    return made;
  }, [test.notes, problems, definition, samples.pinned]);
  const openTest = (name: string) => {
    setSelected(name);
    setSide("test");
  };
  const addBehind = () => {
    if (!definition) return;
    const place = selected ? findStep(definition, selected)?.place : undefined;
    setAdding(place ? { ...place, index: place.index + 1 } : { list: { in: "flow" }, index: selected === triggerName ? 0 : definition.steps.length });
  };
  const addInside = () => {
    const inner = definition && selected ? listsOf(findStep(definition, selected)?.step ?? ({ kind: "stop" } as Step))[0] : undefined;
    if (inner) setAdding({ list: inner.place, index: inner.steps.length });
    else addBehind();
  };
  const addNote = () => {
    const box = definition && layOut(definition).steps.find((item) => item.id === (selected ?? triggerName));
    editing.addNote({ x: (box?.x ?? 0) + nodeWidth + 40, y: box?.y ?? 0 });
  };
  useEffect(() => {
    // The code editor is large, and most panels have one: fetched while nothing else is to be done, opening a step waits for nothing.
    const fetchIt = () => void import("../ui/CodeEditor").catch(() => {});
    if ("requestIdleCallback" in window) requestIdleCallback(fetchIt, { timeout: 3000 });
    else setTimeout(fetchIt, 1000);
  }, []);
  useShortcuts({
    definition, selected, editing, select: setSelected, undo: draft.undo, redo: draft.redo, save: () => void draft.save(), add: addBehind, addInside, addNote,
    test: () => openTest(selected ?? triggerName), publish: () => setOpen("publish"), help: () => setOpen("shortcuts"),
  });

  if (draft.error && !definition) return <main className="page"><Failure error={draft.error} retry={() => void draft.reload()} /></main>;
  if (flow.error && !flow.data) return <main className="page"><Failure error={flow.error} retry={() => void flow.refetch()} /></main>;
  if (!definition || !flow.data) return <p className="loading">{text.common.loading}</p>;
  const step = selected ? findStep(definition, selected)?.step : undefined;
  const event = pieces.byName.get(definition.trigger.piece)?.triggers.find((item) => item.name === definition.trigger.event);
  const close = () => setSelected(null);
  return (
    <main className="builder">
      <BuilderHead flow={flow.data} draft={draft} problems={problems} onOpen={setOpen} onTest={() => openTest(triggerName)} onNote={addNote} />
      <div className="builder-body">
        <Canvas definition={definition} titles={titles} notes={notes} selected={selected} actions={actions} onNote={editing.note} />
        <DataSources.Provider value={sources}>
          {selected === triggerName && (
            <TriggerPanel
              definition={definition}
              pieces={pieces}
              problems={problems}
              webhookUrl={flow.data.webhookUrl ?? null}
              side={side}
              onSide={setSide}
              onClose={close}
              onChange={(next, field) => change((now) => ({ ...now, trigger: next(now.trigger) }), field)}
              test={<TriggerTest flowId={flowId} trigger={definition.trigger} kind={event?.kind} samples={samples} test={test} onPick={setSelected} />}
            />
          )}
          {step && (
            <StepPanel
              definition={definition}
              step={step}
              pieces={pieces}
              problems={problems}
              side={side}
              onSide={setSide}
              onClose={close}
              onChange={(next, field) => change((now) => updateStep(now, step.name, next), field)}
              onRename={(name) => {
                change((now) => renameStep(now, step.name, name));
                setSelected(name);
              }}
              onMove={(by) => editing.moveBy(step.name, by)}
              onCopy={() => editing.copy(step.name)}
              onDuplicate={() => editing.duplicate(step.name)}
              onDelete={() => editing.remove(step.name)}
              test={<StepTest key={step.name} step={step.name} samples={samples} test={test} onPick={setSelected} />}
              foot={<PreviewsAway board={data.board} />}
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
            editing.insert(adding, made);
            setAdding(null);
            setSelected(made.name);
            setSide("settings");
            focusPanel();
          }}
        />
      )}
      <BuilderDialogs open={open} flowId={flowId} definition={definition} draft={draft} titles={titlesOf} onOpen={setOpen} onSelect={setSelected} />
    </main>
  );
}

function put(notes: Map<string, StepNote>, name: string, more: StepNote) {
  notes.set(name, { ...notes.get(name), ...more });
}
