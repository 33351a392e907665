import { ChevronDown, ChevronRight, Download } from "lucide-react";
import { useState } from "react";
import { save } from "../api/client";
import { text } from "../text";
import { CopyButton, IconButton } from "./ui";
import { show } from "./format";

const mostShown = 100;

/** A value as a tree that opens on demand: only what is open is in the page, so that a huge output costs nothing until it is looked at. */
export function JsonView({ value, name, depth = 0 }: { value: unknown; name?: string; depth?: number }) {
  const isOpenable = value !== null && typeof value === "object" && Object.keys(value).length > 0;
  const [isOpen, setOpen] = useState(depth < 2);
  const [most, setMost] = useState(mostShown);
  const label = name === undefined ? null : <span className="json-key">{name}</span>;
  if (!isOpenable)
    return (
      <div className="json-line">
        {label}
        <Scalar value={value} />
      </div>
    );
  const entries = Object.entries(value as object);
  return (
    <div className="json-node">
      <button type="button" className="json-toggle" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? <ChevronDown size={14} /> : <ChevronRight size={14} />}
        {label}
        <span className="json-kind">{Array.isArray(value) ? text.value.list(entries.length) : text.value.object(entries.length)}</span>
      </button>
      {isOpen && (
        <div className="json-inner">
          {entries.slice(0, most).map(([key, item]) => (
            <JsonView key={key} name={key} value={item} depth={depth + 1} />
          ))}
          {entries.length > most && (
            <button type="button" className="link" onClick={() => setMost(most + 1000)}>
              {entries.length - most} more
            </button>
          )}
        </div>
      )}
    </div>
  );
}

const longest = 2000;

function Scalar({ value }: { value: unknown }) {
  const [isWhole, setWhole] = useState(false);
  if (typeof value === "string")
    return (
      <span className="json-text">
        {isWhole || value.length <= longest ? value || "“”" : value.slice(0, longest)}
        {!isWhole && value.length > longest && (
          <button type="button" className="link" onClick={() => setWhole(true)}>
            … {value.length - longest} more characters
          </button>
        )}
      </span>
    );
  return <span className="json-scalar">{Array.isArray(value) ? "[]" : value !== null && typeof value === "object" ? "{}" : String(value)}</span>;
}

const mostRows = 200;
const mostRaw = 200_000;

/** Rows and columns of a list of objects; null for what is no table. */
export function tableOf(value: unknown): { columns: string[]; rows: Record<string, unknown>[] } | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  if (!value.every((item) => item !== null && typeof item === "object" && !Array.isArray(item))) return null;
  const rows = value as Record<string, unknown>[];
  const columns = [...new Set(rows.slice(0, mostRows).flatMap((row) => Object.keys(row)))].slice(0, 30);
  return columns.length === 0 ? null : { columns, rows };
}

function Table({ columns, rows }: { columns: string[]; rows: Record<string, unknown>[] }) {
  return (
    <div className="data-table" tabIndex={0} role="region" aria-label={text.value.table}>
      <table className="table">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column}>{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, mostRows).map((row, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <td key={column}>{row[column] === undefined ? "" : show(row[column]).slice(0, 200)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > mostRows && <p className="help">{text.value.moreRows(rows.length - mostRows)}</p>}
    </div>
  );
}

/** A titled value: as a tree, as a table where it is one, as it is, to copy and, with a name, to save. */
export function Value({ title, value, name }: { title: string; value: unknown; name?: string }) {
  const [view, setView] = useState<"tree" | "table" | "raw">("tree");
  if (value === undefined) return null;
  const table = tableOf(value);
  const views = table ? (["tree", "table", "raw"] as const) : (["tree", "raw"] as const);
  return (
    <section className="value" aria-label={title}>
      <header>
        <h3>{title}</h3>
        {views.map((item) => (
          <button key={item} type="button" className="link" aria-pressed={view === item} onClick={() => setView(item)}>
            {text.value[item]}
          </button>
        ))}
        <CopyButton value={show(value)} />
        {name && (
          <IconButton label={text.value.save} onClick={() => save(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }), `${name}.json`)}>
            <Download size={16} />
          </IconButton>
        )}
      </header>
      {view === "raw" ? <pre className="raw">{show(value).slice(0, mostRaw)}</pre> : view === "table" && table ? <Table {...table} /> : <JsonView value={value} />}
    </section>
  );
}
