import { lazy, Suspense, useState, type ReactNode } from "react";
import type { PropDescription } from "../../api/client";
import { text } from "../../text";
import { Field } from "../../ui/ui";
import { check, numberOf } from "./checks";
import { ExpressionField } from "./ExpressionField";
import { JsonField } from "./JsonField";
import { OptionsField } from "./OptionsField";
import { PairsField } from "./PairsField";

const CodeEditor = lazy(() => import("../../ui/CodeEditor"));

type Input = Record<string, unknown>;

/** Whom to ask for what may stand in a field. */
export interface Service {
  piece: string;
  connection?: string;
}

interface PropFieldsProps {
  props: PropDescription[];
  input: Input;
  service?: Service;
  problemOf: (field: string) => string | null;
  onChange: (name: string, value: unknown) => void;
}

/** A form made from what a piece says of its inputs. An empty field is left out of the definition. */
export function PropFields({ props, input, service, problemOf, onChange }: PropFieldsProps) {
  return props.map((prop) => <PropField key={prop.name} prop={prop} input={input} service={service} problem={problemOf(prop.name)} onChange={(value) => onChange(prop.name, value)} />);
}

const isExpression = (value: unknown) => typeof value === "string" && value.includes("{{");

function PropField({ prop, input, service, problem, onChange }: { prop: PropDescription; input: Input; service?: Service; problem: string | null; onChange: (value: unknown) => void }) {
  const value = input[prop.name];
  const fallback = prop.default === null || prop.default === undefined ? "" : typeof prop.default === "string" ? prop.default : JSON.stringify(prop.default);
  const frame = {
    label: prop.required ? `${prop.title} *` : prop.title,
    help: [prop.help, fallback && text.build.otherwise(fallback)].filter(Boolean).join(" "),
    error: check(prop, value) ?? problem,
  };
  const [asExpression, setAsExpression] = useState(isExpression(value));
  const control = asExpression ? null : controlOf(prop, value);
  const asText = (id: string, rows: number, placeholder?: string) => (
    <ExpressionField
      id={id}
      label={prop.title}
      rows={rows}
      placeholder={placeholder}
      isSecret={prop.control === "secret"}
      value={value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value)}
      onChange={(next) => onChange(next === "" ? undefined : prop.type === "number" || prop.type === "integer" ? numberOf(next) : next)}
    />
  );
  const swap = (
    <button type="button" className="link fx" aria-pressed={asExpression} title={asExpression ? text.build.asValue : text.build.asExpression} onClick={() => setAsExpression(!asExpression)}>
      {asExpression ? text.build.value : "fx"}
    </button>
  );
  if (control === null && !hasControl(prop)) return <Field {...frame}>{(id) => asText(id, prop.control === "multiline" ? 4 : 1, placeholderOf(prop))}</Field>;
  return (
    <Field {...frame}>
      {(id) => (
        <div className="with-swap">
          <div className="grow">{control === null ? asText(id, 1) : drawn(control, { id, prop, input, service, value, onChange })}</div>
          {swap}
        </div>
      )}
    </Field>
  );
}

type Control = "select" | "checkbox" | "options" | "pairs" | "json" | "code";

/** Whether there is another way to fill the field in than to type a text. */
const hasControl = (prop: PropDescription) => controlOf(prop, undefined) !== null;

function controlOf(prop: PropDescription, value: unknown): Control | null {
  if (prop.source && (value === undefined || typeof value === "string" || typeof value === "number")) return "options";
  if ((prop.options?.length ?? 0) > 0 && prop.type !== "array") return "select";
  if (prop.type === "boolean") return "checkbox";
  if (prop.control === "code") return "code";
  if (prop.control === "pairs" && (value === undefined || isFlat(value))) return "pairs";
  if (["object", "array"].includes(prop.type) || ["json", "pairs"].includes(prop.control) || (value !== null && typeof value === "object")) return "json";
  return null;
}

const isFlat = (value: unknown) => value !== null && typeof value === "object" && !Array.isArray(value) && Object.values(value).every((item) => typeof item === "string");

const placeholderOf = (prop: PropDescription) => (prop.control === "datetime" ? "2026-12-24T18:00:00Z" : prop.control === "duration" ? "00:10:00" : undefined);

interface Drawn {
  id: string;
  prop: PropDescription;
  input: Input;
  service?: Service;
  value: unknown;
  onChange: (value: unknown) => void;
}

function drawn(control: Control, { id, prop, input, service, value, onChange }: Drawn): ReactNode {
  switch (control) {
    case "select":
      return (
        <select id={id} value={value === undefined ? "" : String(value)} onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)}>
          <option value="">{prop.default === undefined || prop.default === null ? "" : text.build.standard(String(prop.default))}</option>
          {value !== undefined && !prop.options?.includes(String(value)) && <option value={String(value)}>{String(value)}</option>}
          {(prop.options ?? []).map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      );
    case "checkbox":
      return <input id={id} type="checkbox" checked={(value ?? prop.default ?? false) === true} onChange={(event) => onChange(event.target.checked)} />;
    case "options":
      return <OptionsField id={id} prop={prop} input={input} service={service} value={value} onChange={onChange} />;
    case "pairs":
      return <PairsField label={prop.title} value={(value ?? {}) as Record<string, string>} onChange={onChange} />;
    case "code":
      return (
        <Suspense fallback={<p className="loading">{text.common.loading}</p>}>
          <CodeEditor language="javascript" label={prop.title} value={typeof value === "string" ? value : ""} onChange={(next) => onChange(next === "" ? undefined : next)} />
        </Suspense>
      );
    case "json":
      return <JsonField label={prop.title} value={value} onChange={onChange} />;
  }
}
