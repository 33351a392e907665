import { useState } from "react";
import type { Step } from "../flow/definition";
import { text } from "../text";
import { Dialog } from "../ui/ui";
import type { usePieces } from "./usePieces";

export interface Choice {
  kind: Step["kind"];
  piece?: string;
  action?: string;
  title: string;
  help: string;
  group: string;
}

const controls: Choice[] = [
  { kind: "code", title: "Code", help: "Your own JavaScript, in a process of its own.", group: text.builder.steps },
  { kind: "router", title: "Branch", help: "Takes one branch or several, by conditions.", group: text.builder.steps },
  { kind: "loop", title: "Loop", help: "Does its steps for every item of a list.", group: text.builder.steps },
  { kind: "wait", title: "Wait", help: "For a time, a date, a call or an approval.", group: text.builder.steps },
  { kind: "call", title: "Call a flow", help: "Starts another flow and may wait for its result.", group: text.builder.steps },
  { kind: "respond", title: "Respond", help: "Answers the caller of the webhook.", group: text.builder.steps },
  { kind: "stop", title: "Stop", help: "Ends the run here.", group: text.builder.steps },
];

/** Everything that can be a step, searched by what people would call it. Arrow keys and Enter are enough. */
export function StepPicker({ pieces, onPick, onClose }: { pieces: ReturnType<typeof usePieces>; onPick: (choice: Choice) => void; onClose: () => void }) {
  const [search, setSearch] = useState("");
  const [at, setAt] = useState(0);
  const all: Choice[] = [
    ...controls,
    ...pieces.all.flatMap((piece) => piece.actions.map((action) => ({ kind: "action" as const, piece: piece.name, action: action.name, title: action.title, help: action.description, group: piece.title }))),
  ];
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((choice) => words.every((word) => `${choice.group} ${choice.title} ${choice.help} ${choice.action ?? choice.kind}`.toLowerCase().includes(word)));
  const groups = Map.groupBy(found, (choice) => choice.group);
  return (
    <Dialog title={text.builder.pickTitle} onClose={onClose} wide>
      <input
        type="search"
        autoFocus
        role="combobox"
        aria-expanded
        aria-controls="picker-list"
        aria-activedescendant={found[at] ? `pick-${at}` : undefined}
        aria-label={text.builder.pickSearch}
        placeholder={text.builder.pickSearch}
        value={search}
        onChange={(event) => {
          setSearch(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            const next = Math.max(0, Math.min(found.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)));
            setAt(next);
            document.getElementById(`pick-${next}`)?.scrollIntoView({ block: "nearest" });
          } else if (event.key === "Enter" && found[at]) {
            event.preventDefault();
            onPick(found[at]);
          }
        }}
      />
      <div id="picker-list" role="listbox" aria-label={text.builder.pickTitle} className="picker">
        {found.length === 0 && <p className="help">{text.builder.pickNone}</p>}
        {[...groups].map(([group, choices]) => (
          <div key={group} role="group" aria-label={group}>
            <h3>{group}</h3>
            {choices.map((choice) => {
              const index = found.indexOf(choice);
              return (
                <div key={`${choice.piece ?? ""}/${choice.action ?? choice.kind}`} id={`pick-${index}`} role="option" aria-selected={index === at} className="pick" onClick={() => onPick(choice)}>
                  <b>{choice.title}</b>
                  <small>{choice.help}</small>
                </div>
              );
            })}
          </div>
        ))}
      </div>
    </Dialog>
  );
}
