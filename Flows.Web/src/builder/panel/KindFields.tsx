import { lazy, Suspense } from "react";
import { query, type FlowView } from "../../api/client";
import type { Step } from "../../flow/definition";
import { text } from "../../text";
import { Field } from "../../ui/ui";
import { useList } from "../../ui/useList";
import { numberOf } from "../fields/checks";
import { ExpressionField } from "../fields/ExpressionField";
import { JsonField } from "../fields/JsonField";
import type { usePieces } from "../usePieces";
import { ActionFields } from "./ActionFields";
import { BranchFields } from "./BranchFields";

const CodeEditor = lazy(() => import("../../ui/CodeEditor"));

export type Pieces = ReturnType<typeof usePieces>;

export interface Change {
  /** An empty value takes the field away. @param part What within the field: changes to one part after the other are one step back. */
  set: (field: keyof Step & string, value: unknown, part?: string) => void;
  problemOf: (field: string) => string | null;
}

/** The fields that only this kind of step has. */
export function KindFields({ step, pieces, set, problemOf }: { step: Step; pieces: Pieces } & Change) {
  const expression = (field: keyof Step & string, label: string, rows = 1, help?: string, isNumber = false) => (
    <Field label={label} help={help} error={problemOf(field)}>
      {(id) => <ExpressionField id={id} label={label} rows={rows} value={step[field] === undefined ? "" : String(step[field])} onChange={(value) => set(field, isNumber ? numberOf(value) : value)} />}
    </Field>
  );
  const json = (field: keyof Step & string, label: string) => (
    <Field label={label} error={problemOf(field)}>
      {() => <JsonField label={label} value={step[field]} onChange={(value) => set(field, value)} />}
    </Field>
  );
  const anything = (field: keyof Step & string, label: string, rows = 1) => (step[field] === undefined || typeof step[field] === "string" ? expression(field, label, rows) : json(field, label));
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
  const flag = (field: keyof Step & string, label: string, standard: boolean) => (
    <Field label={label} error={problemOf(field)}>
      {(id) => <input id={id} type="checkbox" checked={step[field] === undefined ? standard : step[field] === true} onChange={(event) => set(field, event.target.checked === standard ? undefined : event.target.checked)} />}
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
          {choice("effect", text.build.effect, [["pure", text.build.pure], ["idempotent", text.build.idempotent], ["effect", text.build.effectful]])}
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
          {anything("items", text.builder.items)}
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
              {anything("message", text.builder.message, 3)}
            </>
          )}
          {(step.for === "webhook" || step.for === "approval") && expression("expires", text.builder.expires, 1, "2.00:00:00 is two days; empty is as long as a run may wait.")}
        </>
      );
    case "call":
      return (
        <>
          <FlowChoice step={step} set={set} problemOf={problemOf} />
          {json("input", text.builder.input)}
          {flag("await", text.builder.awaitIt, true)}
        </>
      );
    case "respond":
      return (
        <>
          {expression("status", text.builder.status, 1, undefined, true)}
          {typeof step.body === "string" ? expression("body", text.builder.body, 4) : json("body", text.builder.body)}
          {json("headers", text.builder.headers)}
        </>
      );
    case "stop":
      return (
        <>
          {flag("asFailed", text.build.asFailed, false)}
          {anything("message", text.build.reason, 2)}
          {anything("output", text.build.runOutput)}
        </>
      );
    default:
      return null;
  }
}

function FlowChoice({ step, set, problemOf }: { step: Step } & Change) {
  const flows = useList<FlowView>(["flows"], (cursor) => `api/v1/flows${query({ limit: 100, cursor })}`);
  const isListed = flows.items.some((flow) => flow.id === step.flow || flow.key === step.flow);
  return (
    <Field label={text.builder.flow} error={problemOf("flow")}>
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
