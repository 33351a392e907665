import { ChevronDown, ChevronUp } from "lucide-react";
import { useMemo, useState } from "react";
import type { Definition, Step } from "../../flow/definition";
import { marksOf, type StepChange } from "../../flow/diff";
import { overlay } from "../../flow/overlay";
import { text } from "../../text";
import { show } from "../../ui/format";
import { Button, IconButton } from "../../ui/ui";
import { Canvas, type StepNote } from "../Canvas";

interface DiffViewProps {
  before: Definition;
  after: Definition;
  /** What each side is called: `Version 3`, `Draft`. */
  names: [string, string];
  changes: StepChange[];
  titles: (definition: Definition) => (step: Step | null) => { title: string; kind: string };
}

type View = "beside" | "overlaid";

/**
 * Two versions side by side or in one picture: what only one has, what is at another place and what is different has a colour and a word;
 * a click on it shows the fields, and the arrows go from one difference to the next.
 */
export function DiffView({ before, after, names, changes, titles }: DiffViewProps) {
  const [selected, setSelected] = useState<string | null>(null);
  const [view, setView] = useState<View>("beside");
  const actions = useMemo(() => ({ select: setSelected }), []);
  const whole = useMemo(() => (view === "overlaid" ? overlay(before, after, text.build.goneBranch) : null), [view, before, after]);
  const common = { titles, changes, selected, actions };
  return (
    <div className="diff">
      <div className="row diff-tools">
        <div className="row" role="group" aria-label={text.build.views}>
          {(["beside", "overlaid"] as const).map((choice) => (
            <Button key={choice} aria-pressed={view === choice} onClick={() => setView(choice)}>
              {text.build[choice]}
            </Button>
          ))}
        </div>
        <Walk changes={changes} selected={selected} onPick={setSelected} />
      </div>
      <div className={`diff-sides ${view}`}>
        {whole ? (
          <Side {...common} side="both" name={text.build.both(names[0], names[1])} definition={whole} />
        ) : (
          <>
            <Side {...common} side="before" name={names[0]} definition={before} />
            <Side {...common} side="after" name={names[1]} definition={after} />
          </>
        )}
      </div>
      <Legend />
      <ChangeList changes={changes} selected={selected} onPick={setSelected} />
    </div>
  );
}

const idOf = (change: StepChange) => change.step ?? "trigger";

/** From one difference to the next, in words for whoever does not see the picture. */
function Walk({ changes, selected, onPick }: { changes: StepChange[]; selected: string | null; onPick: (step: string) => void }) {
  const ids = useMemo(() => [...new Set(changes.map(idOf))], [changes]);
  if (ids.length === 0) return null;
  const at = selected === null ? -1 : ids.indexOf(selected);
  const go = (by: number) => onPick(ids[at < 0 ? (by > 0 ? 0 : ids.length - 1) : (at + by + ids.length) % ids.length] as string);
  const words = changes.filter((change) => idOf(change) === ids[at]).map((change) => `${change.title} ${change.marks.map((mark) => text.build.marks[mark]).join(", ")}`);
  return (
    <div className="row">
      <IconButton label={text.build.previousChange} onClick={() => go(-1)}>
        <ChevronUp size={18} />
      </IconButton>
      <IconButton label={text.build.nextChange} onClick={() => go(1)}>
        <ChevronDown size={18} />
      </IconButton>
      <span role="status" className="quiet">
        {at >= 0 && `${text.build.changeOf(at + 1, ids.length)}: ${words.join("; ")}`}
      </span>
    </div>
  );
}

function Side({ name, definition, titles, changes, side, selected, actions }: {
  name: string;
  definition: Definition;
  titles: DiffViewProps["titles"];
  changes: StepChange[];
  side: "before" | "after" | "both";
  selected: string | null;
  actions: { select: (id: string) => void };
}) {
  const words = useMemo(() => titles(definition), [titles, definition]);
  // In one picture the word stands in the box as well: a colour alone would be all that tells old from new.
  const notes = useMemo(
    () => new Map<string, StepNote>([...marksOf(changes, side)].map(([id, mark]) => [id, side === "both" ? { mark, text: text.build.marks[mark] } : { mark, said: text.build.marks[mark] }])),
    [changes, side],
  );
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
        const id = idOf(change);
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
