import { Popover } from "radix-ui";
import { Variable } from "lucide-react";
import { createContext, lazy, Suspense, useContext, useRef, useState } from "react";
import type { Schemas } from "../api/client";
import { text } from "../text";
import { IconButton } from "../ui/ui";

const CodeEditor = lazy(() => import("../ui/CodeEditor"));

/** A value that an expression of the selected step may name, with what it was in the last run. */
export interface DataSource {
  path: string;
  title: string;
  sample: unknown;
}

export const DataSources = createContext<{ sources: DataSource[]; functions: Schemas["FunctionDescription"][] }>({ sources: [], functions: [] });

/** A text with `{{ … }}` in it: typed, completed as one types, or put in from the data of earlier steps. */
export function ExpressionField({ id, value, label, rows = 1, onChange, isSecret }: { id?: string; value: string; label: string; rows?: number; isSecret?: boolean; onChange: (value: string) => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const { sources, functions } = useContext(DataSources);
  const [hint, setHint] = useState<{ at: number; word: string; choices: { label: string; insert: string; help: string }[]; picked: number } | null>(null);

  const suggest = (next: string, caret: number) => {
    const before = next.slice(0, caret);
    const isInside = before.lastIndexOf("{{") > before.lastIndexOf("}}");
    const word = /[A-Za-z_][\w.]*$/.exec(before)?.[0] ?? "";
    if (!isInside) return setHint(null);
    const lower = word.toLowerCase();
    const choices = [
      ...sources.filter((source) => source.path.toLowerCase().startsWith(lower) && source.path !== word).map((source) => ({ label: source.path, insert: source.path, help: source.title })),
      ...(word.length >= 2 ? functions.filter((item) => item.name.toLowerCase().startsWith(lower)).map((item) => ({ label: item.signature, insert: `${item.name}(`, help: item.help })) : []),
    ].slice(0, 8);
    setHint(choices.length > 0 ? { at: caret - word.length, word, choices, picked: 0 } : null);
  };
  const take = (insert: string) => {
    if (!hint) return;
    const end = hint.at + hint.word.length;
    const next = value.slice(0, hint.at) + insert + value.slice(end);
    onChange(next);
    setHint(null);
    requestAnimationFrame(() => field.current?.setSelectionRange(hint.at + insert.length, hint.at + insert.length));
  };
  const insertData = (path: string) => {
    const caret = field.current?.selectionStart ?? value.length;
    const before = value.slice(0, caret);
    const isInside = before.lastIndexOf("{{") > before.lastIndexOf("}}");
    onChange(before + (isInside ? path : `{{${path}}}`) + value.slice(caret));
    requestAnimationFrame(() => field.current?.focus());
  };
  return (
    <div className="expression">
      <textarea
        ref={field}
        id={id}
        aria-label={id ? undefined : label}
        rows={Math.max(rows, Math.min(8, value.split("\n").length))}
        spellCheck={rows > 1}
        className={value.includes("{{") ? "mono" : ""}
        autoComplete={isSecret ? "off" : undefined}
        value={value}
        onChange={(event) => {
          onChange(event.target.value);
          suggest(event.target.value, event.target.selectionStart);
        }}
        onBlur={() => setTimeout(() => setHint(null), 150)}
        onKeyDown={(event) => {
          if (!hint) return;
          const count = hint.choices.length;
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            setHint({ ...hint, picked: (hint.picked + (event.key === "ArrowDown" ? 1 : count - 1)) % count });
          } else if ((event.key === "Enter" || event.key === "Tab") && hint.choices[hint.picked]) {
            event.preventDefault();
            take((hint.choices[hint.picked] as { insert: string }).insert);
          } else if (event.key === "Escape") {
            event.stopPropagation();
            setHint(null);
          }
        }}
      />
      <DataPicker onPick={insertData} label={`${text.builder.dataTitle}: ${label}`} />
      {hint && (
        <ul className="suggestions" role="listbox">
          {hint.choices.map((choice, index) => (
            <li key={choice.label} role="option" aria-selected={index === hint.picked} onMouseDown={(event) => (event.preventDefault(), take(choice.insert))}>
              <code>{choice.label}</code>
              <small>{choice.help}</small>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function DataPicker({ onPick, label }: { onPick: (path: string) => void; label: string }) {
  const { sources } = useContext(DataSources);
  const [isOpen, setOpen] = useState(false);
  const pick = (path: string) => {
    setOpen(false);
    onPick(path);
  };
  return (
    <Popover.Root open={isOpen} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <IconButton label={label}>
          <Variable size={16} />
        </IconButton>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="data-picker" align="end" sideOffset={4}>
          <h3>{text.builder.dataTitle}</h3>
          <p className="help">{text.builder.dataHelp}</p>
          {sources.map((source) => (
            <DataTree key={source.path} path={source.path} title={source.title} value={source.sample} onPick={pick} />
          ))}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

const mostFields = 50;

function DataTree({ path, title, value, onPick, depth = 0 }: { path: string; title: string; value: unknown; onPick: (path: string) => void; depth?: number }) {
  const [isOpen, setOpen] = useState(depth === 0);
  const fields = value !== null && typeof value === "object" ? Object.entries(value).slice(0, mostFields) : [];
  const isList = Array.isArray(value);
  return (
    <div className="data-tree">
      <div className="data-line">
        <button type="button" className="data-pick" onClick={() => onPick(path)}>
          <code>{depth === 0 ? path : title}</code>
          <small>{depth === 0 ? title : value !== null && typeof value === "object" ? "" : String(value).slice(0, 60)}</small>
        </button>
        {fields.length > 0 && (
          <button type="button" className="link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {isOpen ? "less" : `${fields.length} inside`}
          </button>
        )}
      </div>
      {isOpen &&
        depth < 4 &&
        fields.map(([name, item]) => (
          <DataTree
            key={name}
            path={isList ? `${path}[${name}]` : /^[A-Za-z_]\w*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`}
            title={isList ? `[${name}]` : name}
            value={item}
            depth={depth + 1}
            onPick={onPick}
          />
        ))}
    </div>
  );
}

/** Any JSON, in which texts may hold expressions. What is not JSON yet stays in the editor and is not taken. */
export function JsonField({ value, label, onChange }: { value: unknown; label: string; onChange: (value: unknown) => void }) {
  const [typed, setTyped] = useState(() => (value === undefined ? "" : JSON.stringify(value, null, 2)));
  const [problem, setProblem] = useState<string | null>(null);
  return (
    <>
      <Suspense fallback={<p className="loading">{text.common.loading}</p>}>
        <CodeEditor
          language="json"
          label={label}
          value={typed}
          onChange={(next) => {
            setTyped(next);
            try {
              onChange(next.trim() === "" ? undefined : JSON.parse(next));
              setProblem(null);
            } catch (error) {
              setProblem((error as Error).message);
            }
          }}
        />
      </Suspense>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}
