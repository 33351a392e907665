import { Popover } from "radix-ui";
import { Variable } from "lucide-react";
import { useContext, useState } from "react";
import { text } from "../../text";
import { IconButton } from "../../ui/ui";
import { fieldPath, glimpse } from "./completion";
import { DataSources, type DataSource } from "./sources";

/** The outputs of earlier steps as trees of their samples; a click puts the path of what was clicked into the field. */
export function DataPicker({ onPick, label }: { onPick: (path: string) => void; label: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Popover.Root open={isOpen} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <IconButton label={label}>
          <Variable size={16} />
        </IconButton>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="data-picker" align="end" sideOffset={4} aria-label={text.builder.dataTitle}>
          <Sources
            onPick={(path) => {
              setOpen(false);
              onPick(path);
            }}
          />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

const mostFields = 50;
const mostFound = 40;

function Sources({ onPick }: { onPick: (path: string) => void }) {
  const { sources } = useContext(DataSources);
  const [search, setSearch] = useState("");
  const found = search.trim() === "" ? null : find(sources, search.trim().toLowerCase());
  return (
    <>
      <h3>{text.builder.dataTitle}</h3>
      <p className="help">{text.builder.dataHelp}</p>
      <input type="search" aria-label={text.build.searchData} placeholder={text.build.searchData} value={search} onChange={(event) => setSearch(event.target.value)} />
      {sources.length === 0 && <p className="help">{text.build.noData}</p>}
      {found
        ? found.map((item) => (
            <div key={item.path} className="data-line">
              <button type="button" className="data-pick" onClick={() => onPick(item.path)}>
                <code>{item.path}</code>
                <small>{glimpse(item.value)}</small>
              </button>
            </div>
          ))
        : sources.map((source, index) => <DataTree key={source.path} path={source.path} title={source.title} value={source.sample} onPick={onPick} startsOpen={index === 0 || sources.length <= 3} />)}
      {found?.length === 0 && <p className="help">{text.builder.pickNone}</p>}
    </>
  );
}

/** Paths whose name, or whose value when it is a text or number, has the words in it. Bounded: samples may be large. */
function find(sources: DataSource[], words: string): { path: string; value: unknown }[] {
  const found: { path: string; value: unknown }[] = [];
  let looked = 0;
  const look = (path: string, value: unknown, depth: number) => {
    if (found.length >= mostFound || ++looked > 5000) return;
    const isOpenable = value !== null && typeof value === "object";
    if (path.toLowerCase().includes(words) || (!isOpenable && String(value).toLowerCase().includes(words))) found.push({ path, value });
    if (isOpenable && depth < 6) for (const [name, item] of Object.entries(value).slice(0, mostFields)) look(fieldPath(path, name, Array.isArray(value)), item, depth + 1);
  };
  for (const source of sources) look(source.path, source.sample, 0);
  return found;
}

function DataTree({ path, title, value, onPick, depth = 0, startsOpen = false }: { path: string; title: string; value: unknown; onPick: (path: string) => void; depth?: number; startsOpen?: boolean }) {
  const [isOpen, setOpen] = useState(startsOpen);
  const fields = value !== null && typeof value === "object" ? Object.entries(value) : [];
  const isList = Array.isArray(value);
  return (
    <div className="data-tree">
      <div className="data-line">
        <button type="button" className="data-pick" onClick={() => onPick(path)} title={`{{${path}}}`}>
          <code>{depth === 0 ? path : title}</code>
          <small>{[depth === 0 && title !== path && title, value === undefined ? text.build.noSample : (depth > 0 || typeof value !== "object") && glimpse(value)].filter(Boolean).join(" · ")}</small>
        </button>
        {fields.length > 0 && (
          <button type="button" className="link" aria-expanded={isOpen} aria-label={`${path}: ${text.build.inside(fields.length)}`} onClick={() => setOpen(!isOpen)}>
            {isOpen ? text.build.less : text.build.inside(fields.length)}
          </button>
        )}
      </div>
      {isOpen &&
        depth < 8 &&
        fields.slice(0, mostFields).map(([name, item]) => <DataTree key={name} path={fieldPath(path, name, isList)} title={isList ? `[${name}]` : name} value={item} depth={depth + 1} onPick={onPick} startsOpen={depth < 1 && startsOpen} />)}
      {isOpen && fields.length > mostFields && <p className="help">{text.build.moreInside(fields.length - mostFields)}</p>}
    </div>
  );
}
