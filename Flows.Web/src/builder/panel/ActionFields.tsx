import { Link } from "react-router";
import { query, type Schemas } from "../../api/client";
import type { Step } from "../../flow/definition";
import { text } from "../../text";
import { Field } from "../../ui/ui";
import { useList } from "../../ui/useList";
import { JsonField } from "../fields/JsonField";
import { PropFields } from "../fields/PropFields";
import type { Change, Pieces } from "./KindFields";

export function ActionFields({ step, pieces, set, problemOf }: { step: Step; pieces: Pieces } & Change) {
  const piece = pieces.byName.get(step.piece ?? "");
  const action = piece?.actions.find((item) => item.name === step.action);
  const input = (step.input ?? {}) as Record<string, unknown>;
  return (
    <>
      <Field label={piece?.title ?? text.builder.action} help={action?.description} error={problemOf("action") ?? problemOf("piece")}>
        {(id) => (
          <select id={id} value={step.action} onChange={(event) => set("action", event.target.value)}>
            {!action && <option value={step.action}>{step.action}</option>}
            {piece?.actions.map((item) => (
              <option key={item.name} value={item.name}>
                {item.title}
              </option>
            ))}
          </select>
        )}
      </Field>
      {piece?.auth && <ConnectionField piece={piece.name} value={step.connection} error={problemOf("connection")} onChange={(key) => set("connection", key)} />}
      {action ? (
        <PropFields
          key={`${step.piece}/${step.action}`}
          props={action.props}
          input={input}
          service={{ piece: step.piece ?? "", connection: step.connection }}
          problemOf={(field) => problemOf(`input.${field}`)}
          onChange={(name, value) => {
            const next = { ...input, [name]: value };
            if (value === undefined) delete next[name];
            set("input", next, name);
          }}
        />
      ) : (
        <Field label={text.builder.input}>{() => <JsonField label={text.builder.input} value={step.input} onChange={(value) => set("input", value)} />}</Field>
      )}
    </>
  );
}

/** The connections that the piece can use. */
export function ConnectionField({ piece, value, error, onChange }: { piece: string; value: string | undefined; error: string | null; onChange: (key: string | undefined) => void }) {
  const connections = useList<Schemas["ConnectionView"]>(["connections"], (cursor) => `api/v1/connections${query({ limit: 100, cursor })}`);
  const usable = connections.items.filter((connection) => connection.piece === piece || connection.piece === null);
  return (
    <Field label={text.builder.connection} error={error}>
      {(id) => (
        <>
          <select id={id} value={value ?? ""} onChange={(event) => onChange(event.target.value || undefined)}>
            <option value="">{text.builder.noConnection}</option>
            {value && !usable.some((connection) => connection.key === value) && <option value={value}>{value}</option>}
            {usable.map((connection) => (
              <option key={connection.id} value={connection.key}>
                {connection.name}
              </option>
            ))}
          </select>
          {connections.isSuccess && usable.length === 0 && (
            <p className="help">
              {text.build.noConnections} <Link to="/connections">{text.connections.title}</Link>
            </p>
          )}
        </>
      )}
    </Field>
  );
}
