import { useContext, useId, useRef, useState } from "react";
import { DataPicker } from "./DataPicker";
import { DataSources, usePreview, withoutSample } from "./sources";
import { Highlighted } from "./Highlighted";
import { Preview } from "./Preview";
import { completions, wordAt, type Completion } from "./completion";
import { text } from "../../text";

interface ExpressionFieldProps {
  id?: string;
  value: string;
  label: string;
  rows?: number;
  placeholder?: string;
  isSecret?: boolean;
  onChange: (value: string) => void;
}

const noneMissing: string[] = [];

/** A text with `{{ … }}` in it: typed, completed as one types, or put in from the data of earlier steps; below it what it gives on sample data. */
export function ExpressionField({ id, value, label, rows = 1, placeholder, onChange, isSecret }: ExpressionFieldProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const listId = useId();
  const { sources, functions } = useContext(DataSources);
  const [hint, setHint] = useState<{ at: number; word: string; choices: Completion[]; picked: number } | null>(null);
  const [scroll, setScroll] = useState(0);
  const preview = usePreview(value);
  const missing = preview?.error ? withoutSample(value, sources) : noneMissing;
  // What only lacks a sample is no mistake.
  const wrong = missing.length === 0 ? preview?.error : undefined;

  const suggest = (next: string, caret: number) => {
    const here = wordAt(next, caret);
    const choices = here ? completions(here.word, sources, functions) : [];
    setHint(here && choices.length > 0 ? { ...here, choices, picked: 0 } : null);
  };
  const putCaret = (at: number) =>
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(at, at);
    });
  const take = (insert: string) => {
    if (!hint) return;
    const next = value.slice(0, hint.at) + insert + value.slice(hint.at + hint.word.length);
    onChange(next);
    setHint(null);
    putCaret(hint.at + insert.length);
  };
  const insertData = (path: string) => {
    const caret = field.current?.selectionStart ?? value.length;
    const before = value.slice(0, caret);
    const isInside = before.lastIndexOf("{{") > before.lastIndexOf("}}");
    const insert = isInside ? path : `{{${path}}}`;
    onChange(before + insert + value.slice(field.current?.selectionEnd ?? caret));
    putCaret(caret + insert.length);
  };
  const hasExpression = value.includes("{{");
  return (
    <>
      <div className={`expression ${hasExpression ? "mono" : ""}`}>
        <div className="expression-text">
          {hasExpression && <Highlighted value={value} error={wrong} scroll={scroll} />}
          <textarea
            ref={field}
            id={id}
            aria-label={id ? undefined : label}
            role={hint ? "combobox" : undefined}
            aria-expanded={hint ? true : undefined}
            aria-controls={hint ? listId : undefined}
            aria-autocomplete={hint ? "list" : undefined}
            aria-activedescendant={hint ? `${listId}-${hint.picked}` : undefined}
            aria-invalid={wrong ? true : undefined}
            rows={Math.max(rows, Math.min(8, value.split("\n").length))}
            style={{ minHeight: `calc(${rows * 1.5}em + 14px)` }}
            spellCheck={rows > 1 && !hasExpression}
            autoComplete={isSecret ? "off" : undefined}
            placeholder={placeholder}
            value={value}
            onScroll={(event) => setScroll(event.currentTarget.scrollTop)}
            onChange={(event) => {
              onChange(event.target.value);
              suggest(event.target.value, event.target.selectionStart);
            }}
            onBlur={() => setTimeout(() => setHint(null), 150)}
            onKeyDown={(event) => {
              if (!hint) {
                if (event.key === " " && event.ctrlKey) {
                  event.preventDefault();
                  suggest(value, event.currentTarget.selectionStart);
                }
                return;
              }
              const count = hint.choices.length;
              if (event.key === "ArrowDown" || event.key === "ArrowUp") {
                event.preventDefault();
                setHint({ ...hint, picked: (hint.picked + (event.key === "ArrowDown" ? 1 : count - 1)) % count });
              } else if ((event.key === "Enter" || event.key === "Tab") && hint.choices[hint.picked]) {
                event.preventDefault();
                take((hint.choices[hint.picked] as Completion).insert);
              } else if (event.key === "Escape") {
                event.stopPropagation();
                setHint(null);
              }
            }}
          />
        </div>
        <DataPicker onPick={insertData} label={`${text.builder.dataTitle}: ${label}`} />
        {hint && (
          <ul className="suggestions" role="listbox" id={listId} aria-label={label}>
            {hint.choices.map((choice, index) => (
              <li key={choice.insert} id={`${listId}-${index}`} role="option" aria-selected={index === hint.picked} onMouseDown={(event) => (event.preventDefault(), take(choice.insert))}>
                <code>{choice.label}</code>
                <small>{choice.help}</small>
              </li>
            ))}
          </ul>
        )}
      </div>
      <Preview result={preview} missing={missing} />
    </>
  );
}
