import { useMemo, useState } from "react";
import type { Definition, Step } from "../../flow/definition";
import { marksOf, type Mark, type StepChange } from "../../flow/diff";
import { text } from "../../text";
import { show } from "../../ui/format";
import { Canvas, type StepNote } from "../Canvas";

interface DiffViewProps {
  before: Definition;
  after: Definition;
  /** What each side is called: `Version 3`, `Draft`. */
  names: [string, string];
  changes: StepChange[];
  titles: (definition: Definition) => (step: Step | null) => { title: string; kind: string };
}

/** Two versions side by side: what is only on one side, in another place or different has a colour; a click on it shows the fields. */
export function DiffView({ before, after, names, changes, titles }: DiffViewProps) {
  const [selected, setSelected] = useState<string | null>(null);
  const actions = useMemo(() => ({ select: setSelected }), []);
  return (
    <div className="diff">
      <div className="diff-sides">
        {([["before", before], ["after", after]] as const).map(([side, definition], index) => (
          <Side key={side} name={names[index] as string} definition={definition} titles={titles} marks={marksOf(changes, side)} selected={selected} actions={actions} />
        ))}
      </div>
      <Legend />
      <ChangeList changes={changes} selected={selected} onPick={setSelected} />
    </div>
  );
}

function Side({ name, definition, titles, marks, selected, actions }: {
  name: string;
  definition: Definition;
  titles: DiffViewProps["titles"];
  marks: ReadonlyMap<string, Mark>;
  selected: string | null;
  actions: { select: (id: string) => void };
}) {
  const words = useMemo(() => titles(definition), [titles, definition]);
  const notes = useMemo(() => new Map<string, StepNote>([...marks].map(([id, mark]) => [id, { mark, said: text.build.marks[mark] }])), [marks]);
  return (
    <section className="diff-side" aria-label={name}>
      <h3>{name}</h3>
      <Canvas definition={definition} titles={words} notes={notes} selected={selected} actions={actions} isSmall />
    </section>
  );
}

function Legend() {
  return (
    <ul className="legend" aria-label={text.build.legend}>
      {(["added", "removed", "moved", "changed"] as const).map((mark) => (
        <li key={mark}>
          <i className={`swatch ${mark}`} aria-hidden />
          {text.build.marks[mark]}
        </li>
      ))}
    </ul>
  );
}

const longest = 400;

/** The differences in words, each with the fields that changed and what they were. */
export function ChangeList({ changes, selected, onPick }: { changes: StepChange[]; selected?: string | null; onPick?: (step: string) => void }) {
  if (changes.length === 0) return <p className="help">{text.build.noChanges}</p>;
  return (
    <ul className="changes">
      {changes.map((change) => {
        const id = change.step ?? "trigger";
        return (
          <li key={`${id} ${change.title}`} className={id === selected ? "selected" : ""}>
            <p>
              {onPick ? (
                <button type="button" className="link" onClick={() => onPick(id)}>
                  {change.title}
                </button>
              ) : (
                <b>{change.title}</b>
              )}{" "}
              {change.step && change.step !== change.title && <code className="quiet">{change.step}</code>}{" "}
              {change.marks.map((mark) => (
                <span key={mark} className={`mark ${mark}`}>
                  {text.build.marks[mark]}
                </span>
              ))}
              {change.from && change.from !== change.to && <small className="quiet"> {text.build.movedFrom(change.from, change.to ?? "")}</small>}
            </p>
            {change.fields.length > 0 && (
              <dl className="fields">
                {change.fields.map((field) => (
                  <div key={field.field}>
                    <dt className="mono">{field.field}</dt>
                    <dd>
                      <Was value={field.from} className="removed" />
                      <Was value={field.to} className="added" />
                    </dd>
                  </div>
                ))}
              </dl>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function Was({ value, className }: { value: unknown; className: string }) {
  if (value === undefined) return null;
  const words = show(value);
  const Tag = className === "removed" ? "del" : "ins";
  return <Tag className={className}>{words.length > longest ? `${words.slice(0, longest)}…` : words === "" ? text.build.emptyText : words}</Tag>;
}
