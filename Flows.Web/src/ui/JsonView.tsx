import { ChevronDown, ChevronRight } from "lucide-react";
import { useState } from "react";
import { CopyButton } from "./ui";
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
        <span className="json-kind">{Array.isArray(value) ? `list of ${entries.length}` : `object, ${entries.length}`}</span>
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

/** A titled value: as a tree, and as it is to copy. */
export function Value({ title, value }: { title: string; value: unknown }) {
  const [isRaw, setRaw] = useState(false);
  if (value === undefined) return null;
  return (
    <section className="value">
      <header>
        <h3>{title}</h3>
        <button type="button" className="link" onClick={() => setRaw(!isRaw)}>
          {isRaw ? "tree" : "raw"}
        </button>
        <CopyButton value={show(value)} />
      </header>
      {isRaw ? <pre className="raw">{show(value).slice(0, 200_000)}</pre> : <JsonView value={value} />}
    </section>
  );
}
