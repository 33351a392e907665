import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { emptyTest, isStructure, toExpression, toStructure, type Structure, type Test } from "../../flow/conditions";
import { operatorGroups, operatorOf, operators } from "../../flow/operators";
import { text } from "../../text";
import { Button, IconButton } from "../../ui/ui";
import { ExpressionField } from "../fields/ExpressionField";
import { JsonField } from "../fields/JsonField";

interface ConditionEditorProps {
  id: string;
  label: string;
  when: unknown;
  onChange: (when: unknown) => void;
}

/** The condition of a branch: one expression, or rows of tests; each can be made of the other where it says the same. */
export function ConditionEditor({ id, label, when, onChange }: ConditionEditorProps) {
  const [refusal, setRefusal] = useState<string | null>(null);
  if (isStructure(when))
    return (
      <>
        <Groups label={label} structure={when} onChange={onChange} />
        <button
          type="button"
          className="link"
          onClick={() => {
            const written = toExpression(when);
            if (written === null) setRefusal(text.build.noExpression);
            else onChange(written);
          }}
        >
          {text.build.toExpression}
        </button>
        {refusal && <p className="help">{refusal}</p>}
      </>
    );
  const rows = toStructure(when);
  return (
    <>
      {typeof when === "string" || when === undefined ? (
        <ExpressionField id={id} label={label} value={when ?? ""} onChange={onChange} />
      ) : typeof when === "boolean" ? (
        <ExpressionField id={id} label={label} value={`{{${when}}}`} onChange={onChange} />
      ) : (
        <JsonField label={label} value={when} onChange={onChange} />
      )}
      {rows ? (
        <button type="button" className="link" onClick={() => onChange(rows)}>
          {text.build.toRows}
        </button>
      ) : (
        <p className="help">{text.build.noRows}</p>
      )}
    </>
  );
}

function Groups({ label, structure, onChange }: { label: string; structure: Structure; onChange: (when: Structure) => void }) {
  const set = (group: number, all: Test[]) => {
    const any = structure.any.flatMap((item, at) => (at !== group ? [item] : all.length === 0 ? [] : [{ all }]));
    onChange({ any: any.length === 0 ? [{ all: [emptyTest()] }] : any });
  };
  return (
    <div className="condition" role="group" aria-label={label}>
      {structure.any.map(({ all }, group) => (
        <div key={group} className="condition-group">
          {group > 0 && <p className="condition-word">{text.build.or}</p>}
          {all.map((test, at) => (
            <div key={at}>
              {at > 0 && <p className="condition-word">{text.build.and}</p>}
              <Row
                test={test}
                number={structure.any.slice(0, group).reduce((sum, item) => sum + item.all.length, 0) + at + 1}
                onChange={(next) => set(group, all.map((item, index) => (index === at ? next : item)))}
                onRemove={() => set(group, all.filter((_, index) => index !== at))}
              />
            </div>
          ))}
          <Button tone="ghost" icon={<Plus size={15} />} onClick={() => set(group, [...all, emptyTest()])}>
            {text.build.addAnd}
          </Button>
        </div>
      ))}
      <Button tone="ghost" icon={<Plus size={15} />} onClick={() => onChange({ any: [...structure.any, { all: [emptyTest()] }] })}>
        {text.build.addOr}
      </Button>
    </div>
  );
}

function Row({ test, number, onChange, onRemove }: { test: Test; number: number; onChange: (test: Test) => void; onRemove: () => void }) {
  const operator = operatorOf(test.operator);
  const side = (name: "left" | "right", label: string) => {
    const value = test[name];
    // A number in the right field of a number test stays one.
    const typed = (next: string) => onChange({ ...test, [name]: operator?.group === "Number" && /^-?\d+(\.\d+)?$/.test(next.trim()) ? Number(next) : next });
    return value !== null && typeof value === "object" ? (
      <JsonField label={`${label} ${number}`} value={value} onChange={(next) => onChange({ ...test, [name]: next })} />
    ) : (
      <ExpressionField label={`${label} ${number}`} placeholder={label} value={value === undefined || value === null ? "" : String(value)} onChange={typed} />
    );
  };
  return (
    <div className="condition-row">
      {side("left", text.build.left)}
      <div className="row">
        <select
          aria-label={`${text.build.operator} ${number}`}
          value={test.operator}
          onChange={(event) => {
            const next = operatorOf(event.target.value);
            const { right, caseSensitive, ...rest } = test;
            onChange({ ...rest, operator: event.target.value, ...(next?.needsRight ? { right: right ?? "" } : {}), ...(next?.hasCase && caseSensitive ? { caseSensitive } : {}) });
          }}
        >
          {!operator && <option value={test.operator}>{test.operator}</option>}
          {operatorGroups.map((group) => (
            <optgroup key={group} label={group}>
              {operators
                .filter((item) => item.group === group)
                .map((item) => (
                  <option key={item.name} value={item.name}>
                    {item.label}
                  </option>
                ))}
            </optgroup>
          ))}
        </select>
        <IconButton label={`${text.build.removeTest} ${number}`} onClick={onRemove}>
          <Trash2 size={15} />
        </IconButton>
      </div>
      {operator?.needsRight && side("right", text.build.right)}
      {operator?.hasCase && (
        <label className="tick">
          <input
            type="checkbox"
            checked={test.caseSensitive === true}
            onChange={(event) => {
              const { caseSensitive: _, ...rest } = test;
              onChange(event.target.checked ? { ...rest, caseSensitive: true } : rest);
            }}
          />
          {text.build.capitals}
        </label>
      )}
    </div>
  );
}
