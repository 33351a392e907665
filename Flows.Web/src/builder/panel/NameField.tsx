import { useState } from "react";
import { findStep, type Definition, type Step } from "../../flow/definition";
import { text } from "../../text";
import { Field } from "../../ui/ui";

/** The name by which expressions call the step; it is given when the field is left, and the expressions of the flow follow. */
export function NameField({ definition, step, onRename }: { definition: Definition; step: Step; onRename: (name: string) => void }) {
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
