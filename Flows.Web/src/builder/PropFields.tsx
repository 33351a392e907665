import { useState } from "react";
import type { PropDescription } from "../api/client";
import { Field } from "../ui/ui";
import { ExpressionField, JsonField } from "./ExpressionField";

type Input = Record<string, unknown>;

interface PropFieldsProps {
  props: PropDescription[];
  input: Input;
  problemOf: (field: string) => string | null;
  onChange: (name: string, value: unknown) => void;
}

/** A form made from what a piece says of its inputs. An empty field is left out of the definition. */
export function PropFields({ props, input, problemOf, onChange }: PropFieldsProps) {
  return props.map((prop) => <PropField key={prop.name} prop={prop} value={input[prop.name]} problem={problemOf(prop.name)} onChange={(value) => onChange(prop.name, value)} />);
}

const isPlain = (value: unknown) => value === undefined || value === null || ["string", "number", "boolean"].includes(typeof value);

function PropField({ prop, value, problem, onChange }: { prop: PropDescription; value: unknown; problem: string | null; onChange: (value: unknown) => void }) {
  const label = prop.required ? `${prop.title} *` : prop.title;
  const fallback = prop.default === null || prop.default === undefined ? "" : typeof prop.default === "string" ? prop.default : JSON.stringify(prop.default);
  const help = [prop.help, fallback && `Otherwise ${fallback}.`].filter(Boolean).join(" ");
  const [asExpression, setAsExpression] = useState(typeof value === "string" && value.includes("{{"));
  const isChoice = (prop.options?.length ?? 0) > 0;
  const isFlag = prop.type === "boolean";
  if ((isChoice || isFlag) && !asExpression)
    return (
      <Field label={label} help={help} error={problem}>
        {(id) => (
          <div className="row">
            <select id={id} value={value === undefined ? "" : String(value)} onChange={(event) => onChange(event.target.value === "" ? undefined : isFlag ? event.target.value === "true" : event.target.value)}>
              <option value="" />
              {(isFlag ? ["true", "false"] : (prop.options ?? [])).map((option) => (
                <option key={option} value={option}>
                  {option}
                </option>
              ))}
            </select>
            <button type="button" className="link" onClick={() => setAsExpression(true)}>
              fx
            </button>
          </div>
        )}
      </Field>
    );
  const isJson = ["object", "array", "any", "json", "list"].includes(prop.type) || ["json", "object", "list", "keyvalue"].includes(prop.control) || !isPlain(value);
  const isWholeExpression = typeof value === "string" && /^\s*\{\{[\s\S]*\}\}\s*$/.test(value);
  if (isJson && !isWholeExpression)
    return (
      <Field label={label} help={help} error={problem}>
        {() => <JsonField label={prop.title} value={value} onChange={onChange} />}
      </Field>
    );
  return (
    <Field label={label} help={help} error={problem}>
      {(id) => (
        <ExpressionField
          id={id}
          label={prop.title}
          rows={prop.control === "multiline" ? 4 : 1}
          isSecret={prop.control === "secret"}
          value={value === undefined || value === null ? "" : String(value)}
          onChange={(next) => onChange(next === "" ? undefined : prop.type === "number" || prop.type === "integer" ? numberOf(next) : next)}
        />
      )}
    </Field>
  );
}

// A number is stored as one; what is not a number yet, or an expression, as it was typed.
const numberOf = (typed: string) => (/^-?\d+(\.\d+)?$/.test(typed.trim()) ? Number(typed) : typed);
