import { ArrowDown, ArrowUp, Copy, Trash2, X } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import type { DefinitionProblem, FlowView, Schemas } from "../api/client";
import { findStep, freeName, listsOf, placeOfProblem, walk, type Definition, type Step, type Trigger } from "../flow/definition";
import { query } from "../api/client";
import { text } from "../text";
import { CopyButton, Field, IconButton } from "../ui/ui";
import { useList } from "../ui/useList";
import { ExpressionField, JsonField } from "./ExpressionField";
import { PropFields } from "./PropFields";
import type { usePieces } from "./usePieces";

const CodeEditor = lazy(() => import("../ui/CodeEditor"));

type Pieces = ReturnType<typeof usePieces>;

interface StepPanelProps {
  definition: Definition;
  step: Step;
  pieces: Pieces;
  problems: DefinitionProblem[];
  onChange: (change: (step: Step) => Step, field: string) => void;
  onRename: (name: string) => void;
  onMove: (by: -1 | 1) => void;
  onDuplicate: () => void;
  onDelete: () => void;
  onClose: () => void;
}

export function StepPanel(props: StepPanelProps) {
  const { definition, step, pieces, problems, onChange } = props;
  const set = (field: keyof Step & string, value: unknown) =>
    onChange((now) => {
      const next = { ...now, [field]: value };
      if (value === undefined || value === "") delete next[field];
      return next;
    }, `${step.name}.${field}`);
  const own = problems.map((problem) => ({ ...placeOfProblem(definition, problem.path), message: problem.message })).filter((problem) => problem.step === step.name);
  const problemOf = (field: string) => own.find((problem) => problem.field === field || problem.field.startsWith(`${field}.`) || problem.field.startsWith(`${field}[`))?.message ?? null;
  return (
    <aside className="panel" aria-label={step.title ?? step.name}>
      <header>
        <NameField key={step.name} definition={definition} step={step} onRename={props.onRename} />
        <IconButton label={text.builder.moveUp} onClick={() => props.onMove(-1)}>
          <ArrowUp size={16} />
        </IconButton>
        <IconButton label={text.builder.moveDown} onClick={() => props.onMove(1)}>
          <ArrowDown size={16} />
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
      {own.length > 0 && (
        <ul className="panel-problems">
          {own.map((problem, index) => (
            <li key={index}>{problem.message}</li>
          ))}
        </ul>
      )}
      <Field label={text.builder.title}>{(id) => <input id={id} value={step.title ?? ""} placeholder={step.name} onChange={(event) => set("title", event.target.value)} />}</Field>
      <KindFields key={step.name} step={step} pieces={pieces} set={set} problemOf={problemOf} />
      <Advanced step={step} set={set} />
    </aside>
  );
}

function NameField({ definition, step, onRename }: { definition: Definition; step: Step; onRename: (name: string) => void }) {
  const [name, setName] = useState(step.name);
  const isTaken = name !== step.name && findStep(definition, name) !== undefined;
  const problem = !/^[A-Za-z_]\w{0,63}$/.test(name) ? text.builder.wrongName : isTaken ? text.builder.takenName : null;
  return (
    <Field label={text.builder.name} error={problem}>
      {(id) => (
        <input
          id={id}
          className="mono"
          value={name}
          onChange={(event) => setName(event.target.value)}
          onBlur={() => (problem || name === step.name ? setName(step.name) : onRename(name))}
          onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
        />
      )}
    </Field>
  );
}

interface KindProps {
  step: Step;
  pieces: Pieces;
  set: (field: keyof Step & string, value: unknown) => void;
  problemOf: (field: string) => string | null;
}

function KindFields({ step, pieces, set, problemOf }: KindProps) {
  const expression = (field: keyof Step & string, label: string, rows = 1, help?: string) => (
    <Field label={label} help={help} error={problemOf(field)}>
      {(id) => <ExpressionField id={id} label={label} rows={rows} value={step[field] === undefined ? "" : String(step[field])} onChange={(value) => set(field, value)} />}
    </Field>
  );
  const json = (field: keyof Step & string, label: string) => (
    <Field label={label} error={problemOf(field)}>
      {() => <JsonField label={label} value={step[field]} onChange={(value) => set(field, value)} />}
    </Field>
  );
  const choice = (field: keyof Step & string, label: string, choices: [string, string][]) => (
    <Field label={label} error={problemOf(field)}>
      {(id) => (
        <select id={id} value={String(step[field] ?? choices[0]?.[0])} onChange={(event) => set(field, event.target.value)}>
          {choices.map(([value, word]) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
  switch (step.kind) {
    case "action":
      return <ActionFields step={step} pieces={pieces} set={set} problemOf={problemOf} />;
    case "code":
      return (
        <>
          {json("input", text.builder.input)}
          <Field label={text.builder.source} error={problemOf("source")}>
            {() => (
              <Suspense fallback={<p className="loading">{text.common.loading}</p>}>
                <CodeEditor language="javascript" label={text.builder.source} value={step.source ?? ""} onChange={(value) => set("source", value)} />
              </Suspense>
            )}
          </Field>
        </>
      );
    case "router":
      return (
        <>
          {choice("mode", text.builder.mode, [["first", text.builder.first], ["all", text.builder.all], ["parallel", text.builder.parallelMode]])}
          <BranchFields step={step} set={set} problemOf={problemOf} />
        </>
      );
    case "loop":
      return (
        <>
          {typeof step.items === "string" || step.items === undefined ? expression("items", text.builder.items) : json("items", text.builder.items)}
          <Field label={text.builder.parallel} error={problemOf("parallel")}>
            {(id) => <input id={id} type="number" min={1} max={1000} value={step.parallel ?? 1} onChange={(event) => set("parallel", event.target.valueAsNumber > 1 ? event.target.valueAsNumber : undefined)} />}
          </Field>
          {choice("onItemError", text.builder.onItemError, [["stop", text.builder.stop], ["continue", text.builder.continue]])}
        </>
      );
    case "wait":
      return (
        <>
          {choice("for", text.builder.waitFor, [["delay", "a time"], ["until", "a date"], ["webhook", "a call of its link"], ["approval", "an approval"]])}
          {step.for === "delay" || step.for === "until" ? expression("value", text.builder.value, 1, "00:10:00 is ten minutes; a date is written 2026-12-24T18:00:00Z.") : null}
          {step.for === "approval" && (
            <>
              <Field label={text.builder.approvers} error={problemOf("approvers")}>
                {(id) => <input id={id} type="number" min={1} max={100} value={step.approvers ?? 1} onChange={(event) => set("approvers", event.target.valueAsNumber || undefined)} />}
              </Field>
              {expression("message", text.builder.message, 3)}
            </>
          )}
          {(step.for === "webhook" || step.for === "approval") && expression("expires", text.builder.expires, 1, "2.00:00:00 is two days; empty is as long as a run may wait.")}
        </>
      );
    case "call":
      return (
        <>
          <FlowChoice step={step} set={set} problem={problemOf("flow")} />
          {json("input", text.builder.input)}
          <Field label={text.builder.awaitIt}>{(id) => <input id={id} type="checkbox" checked={step.await !== false} onChange={(event) => set("await", event.target.checked)} />}</Field>
        </>
      );
    case "respond":
      return (
        <>
          {expression("status", text.builder.status)}
          {typeof step.body === "string" ? expression("body", text.builder.body, 4) : json("body", text.builder.body)}
          {json("headers", text.builder.headers)}
        </>
      );
    case "stop":
      return choice("status", text.builder.status, [["succeeded", "Succeeded"], ["failed", "Failed"]]);
    default:
      return null;
  }
}

function FlowChoice({ step, set, problem }: { step: Step; set: KindProps["set"]; problem: string | null }) {
  const flows = useList<FlowView>(["flows"], (cursor) => `api/v1/flows${query({ limit: 100, cursor })}`);
  const isListed = flows.items.some((flow) => flow.id === step.flow || flow.key === step.flow);
  return (
    <Field label={text.builder.flow} error={problem}>
      {(id) => (
        <select id={id} value={step.flow ?? ""} onChange={(event) => set("flow", event.target.value)}>
          <option value="" />
          {step.flow && !isListed && <option value={step.flow}>{step.flow}</option>}
          {flows.items.map((flow) => (
            <option key={flow.id} value={flow.key ?? flow.id}>
              {flow.name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function ActionFields({ step, pieces, set, problemOf }: KindProps) {
  const piece = pieces.byName.get(step.piece ?? "");
  const action = piece?.actions.find((item) => item.name === step.action);
  const input = (step.input ?? {}) as Record<string, unknown>;
  const connections = useList<Schemas["ConnectionView"]>(["connections"], (cursor) => `api/v1/connections${query({ limit: 100, cursor })}`);
  const usable = connections.items.filter((connection) => connection.piece === piece?.name || connection.piece === null);
  return (
    <>
      <Field label={piece?.title ?? text.builder.action} help={action?.description} error={problemOf("action")}>
        {(id) => (
          <select id={id} value={step.action} onChange={(event) => set("action", event.target.value)}>
            {piece?.actions.map((item) => (
              <option key={item.name} value={item.name}>
                {item.title}
              </option>
            ))}
          </select>
        )}
      </Field>
      {piece?.auth && (
        <Field label={text.builder.connection} error={problemOf("connection")}>
          {(id) => (
            <select id={id} value={step.connection ?? ""} onChange={(event) => set("connection", event.target.value)}>
              <option value="">{text.builder.noConnection}</option>
              {step.connection && !usable.some((connection) => connection.key === step.connection) && <option value={step.connection}>{step.connection}</option>}
              {usable.map((connection) => (
                <option key={connection.id} value={connection.key}>
                  {connection.name}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {action ? (
        <PropFields
          props={action.props}
          input={input}
          problemOf={(field) => problemOf(`input.${field}`)}
          onChange={(name, value) => {
            const next = { ...input, [name]: value };
            if (value === undefined) delete next[name];
            set("input", next);
          }}
        />
      ) : (
        <Field label={text.builder.input}>{() => <JsonField label={text.builder.input} value={step.input} onChange={(value) => set("input", value)} />}</Field>
      )}
    </>
  );
}

function BranchFields({ step, set, problemOf }: { step: Step; set: KindProps["set"]; problemOf: KindProps["problemOf"] }) {
  const branches = step.branches ?? [];
  const change = (index: number, next: object | null) => set("branches", branches.flatMap((branch, at) => (at !== index ? [branch] : next === null ? [] : [{ ...branch, ...next }])));
  const add = () => {
    const branch = { name: `Branch ${branches.length + 1}`, when: "{{true}}", steps: [] };
    const last = branches.at(-1);
    set("branches", last?.otherwise ? [...branches.slice(0, -1), branch, last] : [...branches, branch]);
  };
  return (
    <fieldset className="branches">
      <legend>{text.builder.branches}</legend>
      {branches.map((branch, index) => (
        <div key={index} className="branch">
          <div className="row">
            <input aria-label={`${text.common.name} ${index + 1}`} value={branch.name} onChange={(event) => change(index, { name: event.target.value })} />
            <IconButton label={`${text.common.remove} ${branch.name}`} onClick={() => change(index, null)} disabled={branches.length <= 1}>
              <Trash2 size={16} />
            </IconButton>
          </div>
          {branch.otherwise ? (
            <p className="help">{text.builder.otherwise}</p>
          ) : (
            <Field label={text.builder.when} error={problemOf(`branches[${index}].when`)}>
              {(id) =>
                typeof branch.when === "string" || branch.when === undefined ? (
                  <ExpressionField id={id} label={text.builder.when} value={branch.when ?? ""} onChange={(when) => change(index, { when })} />
                ) : (
                  <JsonField label={text.builder.when} value={branch.when} onChange={(when) => change(index, { when })} />
                )
              }
            </Field>
          )}
        </div>
      ))}
      <button type="button" className="link" onClick={add}>
        {text.builder.addBranch}
      </button>
    </fieldset>
  );
}

function Advanced({ step, set }: { step: Step; set: KindProps["set"] }) {
  const canRetry = step.kind === "action" || step.kind === "code" || step.kind === "call";
  const onError = typeof step.onError === "object" ? "branch" : (step.onError ?? "stop");
  const retry = (field: string, value: unknown) => {
    const next = { ...(step.retry ?? {}), [field]: value };
    set("retry", value === undefined && Object.keys(next).length <= 1 ? undefined : next);
  };
  return (
    <details className="advanced">
      <summary>{text.builder.advanced}</summary>
      <Field label={text.builder.onError}>
        {(id) => (
          <select
            id={id}
            value={onError}
            onChange={(event) => set("onError", event.target.value === "branch" ? { steps: [] } : event.target.value === "stop" ? undefined : event.target.value)}
          >
            <option value="stop">{text.builder.stop}</option>
            <option value="continue">{text.builder.continue}</option>
            <option value="branch">{text.builder.branch}</option>
          </select>
        )}
      </Field>
      {canRetry && (
        <>
          <Field label={text.builder.attempts}>
            {(id) => <input id={id} type="number" min={1} max={20} value={step.retry?.attempts ?? 1} onChange={(event) => (event.target.valueAsNumber > 1 ? retry("attempts", event.target.valueAsNumber) : set("retry", undefined))} />}
          </Field>
          {step.retry && (
            <>
              <Field label={text.builder.delay}>{(id) => <input id={id} placeholder="00:00:02" value={step.retry?.delay ?? ""} onChange={(event) => retry("delay", event.target.value || undefined)} />}</Field>
              <Field label={text.builder.backoff}>
                {(id) => <input id={id} type="number" min={1} max={10} step={0.5} value={step.retry?.backoff ?? 2} onChange={(event) => retry("backoff", event.target.valueAsNumber || undefined)} />}
              </Field>
            </>
          )}
          <Field label={text.builder.timeout}>{(id) => <input id={id} placeholder="00:00:30" value={step.timeout ?? ""} onChange={(event) => set("timeout", event.target.value)} />}</Field>
          <Field label={text.builder.uncertain}>
            {(id) => (
              <select id={id} value={step.onUncertain ?? "ask"} onChange={(event) => set("onUncertain", event.target.value === "ask" ? undefined : event.target.value)}>
                <option value="ask">{text.builder.ask}</option>
                <option value="retry">{text.builder.retryIt}</option>
                <option value="fail">{text.builder.fail}</option>
              </select>
            )}
          </Field>
        </>
      )}
      <Field label={text.builder.skip}>{(id) => <input id={id} type="checkbox" checked={step.skip === true} onChange={(event) => set("skip", event.target.checked || undefined)} />}</Field>
    </details>
  );
}

export function TriggerPanel({ definition, pieces, problems, webhookUrl, onChange, onClose }: {
  definition: Definition;
  pieces: Pieces;
  problems: DefinitionProblem[];
  webhookUrl: string | null;
  onChange: (change: (trigger: Trigger) => Trigger, field: string) => void;
  onClose: () => void;
}) {
  const trigger = definition.trigger;
  const choices = pieces.all.flatMap((piece) => piece.triggers.map((event) => ({ piece, event })));
  const described = pieces.byName.get(trigger.piece)?.triggers.find((event) => event.name === trigger.event);
  const problemOf = (field: string) => problems.find((problem) => problem.path === `$.trigger.${field}` || problem.path.startsWith(`$.trigger.${field}.`))?.message ?? null;
  return (
    <aside className="panel" aria-label={text.builder.trigger}>
      <header>
        <h2>{text.builder.trigger}</h2>
        <IconButton label={text.common.close} onClick={onClose}>
          <X size={18} />
        </IconButton>
      </header>
      <Field label={text.builder.triggerPick} help={described?.description} error={problemOf("event") ?? problemOf("piece")}>
        {(id) => (
          <select
            id={id}
            value={`${trigger.piece}/${trigger.event}`}
            onChange={(event) => {
              const [piece = "", name = ""] = event.target.value.split("/");
              onChange((now) => ({ ...now, piece, event: name, input: {} }), "trigger.event");
            }}
          >
            {choices.map(({ piece, event }) => (
              <option key={`${piece.name}/${event.name}`} value={`${piece.name}/${event.name}`}>
                {piece.title === event.title ? piece.title : `${piece.title}: ${event.title}`}
              </option>
            ))}
          </select>
        )}
      </Field>
      {trigger.piece === "webhook" && webhookUrl && (
        <Field label={text.builder.webhookUrl}>
          {(id) => (
            <div className="row">
              <input id={id} readOnly className="mono" value={webhookUrl} />
              <CopyButton value={webhookUrl} />
            </div>
          )}
        </Field>
      )}
      {described && (
        <PropFields
          props={described.props}
          input={trigger.input ?? {}}
          problemOf={(field) => problemOf(`input.${field}`)}
          onChange={(name, value) =>
            onChange((now) => {
              const input = { ...now.input, [name]: value };
              if (value === undefined) delete input[name];
              return { ...now, input };
            }, `trigger.${name}`)
          }
        />
      )}
    </aside>
  );
}

/** A new step as it comes from the picker. */
export function newStep(definition: Definition, choice: { kind: Step["kind"]; piece?: string; action?: string; title: string }): Step {
  const name = freeName(definition, choice.kind === "action" ? (choice.action ?? "step") : choice.kind === "respond" ? "answer" : choice.kind);
  const step: Step = { name, kind: choice.kind };
  switch (choice.kind) {
    case "action":
      return { ...step, title: choice.title, piece: choice.piece, action: choice.action, input: {} };
    case "code":
      return { ...step, language: "javascript", input: {}, source: "export default async (input) => {\n  return input;\n};\n" };
    case "router":
      return { ...step, mode: "first", branches: [{ name: "Yes", when: "{{true}}", steps: [] }, { name: "Otherwise", otherwise: true, steps: [] }] };
    case "loop":
      return { ...step, items: "{{[1, 2, 3]}}", steps: [] };
    case "wait":
      return { ...step, for: "delay", value: "00:01:00" };
    case "call":
      return { ...step, flow: "", input: {}, await: true };
    case "respond":
      return { ...step, status: 200, body: {} };
    case "stop":
      return step;
  }
}

export const countSteps = (definition: Definition) => [...walk(definition.steps)].length;
export const hasLists = (step: Step) => listsOf(step).length > 0;
