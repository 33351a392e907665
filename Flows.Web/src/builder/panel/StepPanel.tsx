import { ArrowDown, ArrowUp, ClipboardCopy, Copy, Trash2, X } from "lucide-react";
import type { ReactNode } from "react";
import type { DefinitionProblem } from "../../api/client";
import { placeOfProblem, type Definition, type Step } from "../../flow/definition";
import { text } from "../../text";
import { Field, IconButton } from "../../ui/ui";
import { ErrorFields } from "./ErrorFields";
import { KindFields, type Pieces } from "./KindFields";
import { NameField } from "./NameField";
import { SideTabs, type Side } from "./Tabs";

interface StepPanelProps {
  definition: Definition;
  step: Step;
  pieces: Pieces;
  problems: DefinitionProblem[];
  side: Side;
  onSide: (side: Side) => void;
  test: ReactNode;
  /** Below the fields. */
  foot?: ReactNode;
  onChange: (change: (step: Step) => Step, field: string) => void;
  onRename: (name: string) => void;
  onMove: (by: -1 | 1) => void;
  onCopy: () => void;
  onDuplicate: () => void;
  onDelete: () => void;
  onClose: () => void;
}

export function StepPanel(props: StepPanelProps) {
  const { definition, step, pieces, problems, side, onChange } = props;
  const set = (field: keyof Step & string, value: unknown, part = "") =>
    onChange((now) => {
      const next = { ...now, [field]: value };
      if (value === undefined || value === "") delete next[field];
      return next;
    }, `${step.name}.${field}.${part}`);
  const own = problems.map((problem) => ({ ...placeOfProblem(definition, problem.path), message: problem.message })).filter((problem) => problem.step === step.name);
  const problemOf = (field: string) => own.find((problem) => problem.field === field || problem.field.startsWith(`${field}.`) || problem.field.startsWith(`${field}[`))?.message ?? null;
  return (
    <aside className="panel" aria-label={step.title ?? step.name}>
      <header>
        <h2 className="cut">{step.title ?? step.name}</h2>
        <IconButton label={text.builder.moveUp} onClick={() => props.onMove(-1)}>
          <ArrowUp size={16} />
        </IconButton>
        <IconButton label={text.builder.moveDown} onClick={() => props.onMove(1)}>
          <ArrowDown size={16} />
        </IconButton>
        <IconButton label={text.builder.copyStep} onClick={props.onCopy}>
          <ClipboardCopy size={16} />
        </IconButton>
        <IconButton label={text.common.duplicate} onClick={props.onDuplicate}>
          <Copy size={16} />
        </IconButton>
        <IconButton label={text.common.delete} onClick={props.onDelete}>
          <Trash2 size={16} />
        </IconButton>
        <IconButton label={text.common.close} onClick={props.onClose}>
          <X size={18} />
        </IconButton>
      </header>
      <SideTabs side={side} onSide={props.onSide} />
      {side === "test" ? (
        props.test
      ) : (
        <>
          {own.length > 0 && (
            <ul className="panel-problems">
              {own.map((problem, index) => (
                <li key={index}>{problem.message}</li>
              ))}
            </ul>
          )}
          <Field label={text.builder.title}>{(id) => <input id={id} value={step.title ?? ""} placeholder={step.name} onChange={(event) => set("title", event.target.value)} />}</Field>
          <NameField key={step.name} definition={definition} step={step} onRename={props.onRename} />
          <KindFields key={`fields of ${step.name}`} step={step} pieces={pieces} set={set} problemOf={problemOf} />
          <Field label={text.build.note}>
            {(id) => <textarea id={id} rows={step.note ? Math.min(8, step.note.split("\n").length + 1) : 1} maxLength={4000} placeholder={text.build.noteHelp} value={step.note ?? ""} onChange={(event) => set("note", event.target.value)} />}
          </Field>
          <ErrorFields step={step} set={set} problemOf={problemOf} />
          {props.foot}
        </>
      )}
    </aside>
  );
}
