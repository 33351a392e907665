import { X } from "lucide-react";
import type { ReactNode } from "react";
import type { DefinitionProblem } from "../../api/client";
import type { Definition, Trigger } from "../../flow/definition";
import { text } from "../../text";
import { CopyButton, Field, IconButton } from "../../ui/ui";
import { PropFields } from "../fields/PropFields";
import { ConnectionField } from "./ActionFields";
import type { Pieces } from "./KindFields";
import { SideTabs, type Side } from "./Tabs";

interface TriggerPanelProps {
  definition: Definition;
  pieces: Pieces;
  problems: DefinitionProblem[];
  webhookUrl: string | null;
  side: Side;
  onSide: (side: Side) => void;
  test: ReactNode;
  onChange: (change: (trigger: Trigger) => Trigger, field: string) => void;
  onClose: () => void;
}

export function TriggerPanel({ definition, pieces, problems, webhookUrl, side, onSide, test, onChange, onClose }: TriggerPanelProps) {
  const trigger = definition.trigger;
  const choices = pieces.all.flatMap((piece) => piece.triggers.map((event) => ({ piece, event })));
  const piece = pieces.byName.get(trigger.piece);
  const described = piece?.triggers.find((event) => event.name === trigger.event);
  const problemOf = (field: string) => problems.find((problem) => problem.path === `$.trigger.${field}` || problem.path.startsWith(`$.trigger.${field}.`) || problem.path.startsWith(`$.trigger.${field}[`))?.message ?? null;
  return (
    <aside className="panel" aria-label={text.builder.trigger}>
      <header>
        <h2>{text.builder.trigger}</h2>
        <IconButton label={text.common.close} onClick={onClose}>
          <X size={18} />
        </IconButton>
      </header>
      <SideTabs side={side} onSide={onSide} />
      {side === "test" ? (
        test
      ) : (
        <>
          <Field label={text.builder.triggerPick} help={described?.description} error={problemOf("event") ?? problemOf("piece")}>
            {(id) => (
              <select
                id={id}
                value={`${trigger.piece}/${trigger.event}`}
                onChange={(event) => {
                  const [piece = "", name = ""] = event.target.value.split("/");
                  onChange(({ connection: _, ...now }) => ({ ...now, piece, event: name, input: {} }), "trigger.event");
                }}
              >
                {!described && <option value={`${trigger.piece}/${trigger.event}`}>{`${trigger.piece}: ${trigger.event}`}</option>}
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
          {piece?.auth && described && (described.kind === "polling" || described.kind === "hook") && (
            <ConnectionField
              piece={piece.name}
              value={trigger.connection}
              error={problemOf("connection")}
              onChange={(connection) => onChange(({ connection: _, ...now }) => (connection ? { ...now, connection } : now), "trigger.connection")}
            />
          )}
          {described && (
            <PropFields
              key={`${trigger.piece}/${trigger.event}`}
              props={described.props}
              input={trigger.input ?? {}}
              service={{ piece: trigger.piece, connection: trigger.connection }}
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
        </>
      )}
    </aside>
  );
}
