import { useId, useState } from "react";
import { text } from "../text";
import { canSearch, ranges, runIdIn, type RunsFilter } from "./filter";
import { allStatuses, wordOf } from "./status";

/** The fields above the list. Each of them is in the address, so that a link shows the same. */
export function RunFilters({ filter, flows, onChange, onRun }: { filter: RunsFilter; flows: { id: string; name: string }[]; onChange: (changes: Partial<RunsFilter>) => void; onRun: (id: string) => void }) {
  const isCustom = filter.since === "" && (filter.from !== "" || filter.to !== "");
  return (
    <div className="filters" role="search">
      <select aria-label={text.runs.status} value={filter.status} onChange={(event) => onChange({ status: event.target.value })}>
        <option value="">{text.runs.any}</option>
        <option value="Failed,TimedOut">{text.list.anyFailure}</option>
        <option value="Paused,NeedsDecision">{text.list.anyWait}</option>
        <option value="Queued,Running">{text.list.anyWork}</option>
        {allStatuses.map((item) => (
          <option key={item} value={item}>
            {wordOf(item)}
          </option>
        ))}
      </select>
      <select aria-label={text.runs.flow} value={filter.flow} onChange={(event) => onChange({ flow: event.target.value })}>
        <option value="">{text.runs.anyFlow}</option>
        {filter.flow && !flows.some((flow) => flow.id === filter.flow) && <option value={filter.flow}>{filter.flow}</option>}
        {flows.map((item) => (
          <option key={item.id} value={item.id}>
            {item.name}
          </option>
        ))}
      </select>
      <select
        aria-label={text.list.time}
        value={isCustom ? "custom" : filter.since}
        onChange={({ target: { value } }) => onChange(value === "custom" ? { since: "", from: new Date(Date.now() - ranges["24h"]).toISOString(), to: "" } : { since: value, from: "", to: "" })}
      >
        <option value="">{text.list.anyTime}</option>
        {Object.keys(ranges).map((range) => (
          <option key={range} value={range}>
            {text.list.ranges[range as keyof typeof ranges]}
          </option>
        ))}
        <option value="custom">{text.list.custom}</option>
      </select>
      {isCustom && (
        <>
          <TimeField label={text.list.from} value={filter.from} onChange={(from) => onChange({ from })} />
          <TimeField label={text.list.to} value={filter.to} onChange={(to) => onChange({ to })} />
        </>
      )}
      <SearchField
        key={`q ${filter.q}`}
        label={text.list.search}
        value={filter.q}
        problemOf={(typed) => (canSearch(typed) ? null : text.list.searchShort)}
        onSearch={(value) => (runIdIn(value) ? onRun(runIdIn(value) as string) : onChange({ q: value }))}
      />
      <SearchField key={`tag ${filter.tag}`} label={text.runs.tag} value={filter.tag} onSearch={(value) => onChange({ tag: value })} />
    </div>
  );
}

function TimeField({ label, value, onChange }: { label: string; value: string; onChange: (iso: string) => void }) {
  return (
    <input
      type="datetime-local"
      aria-label={label}
      value={value && local(new Date(value))}
      onChange={(event) => onChange(event.target.value ? new Date(event.target.value).toISOString() : "")}
    />
  );
}

/** As the field wants it, in the time of whoever looks. */
const local = (date: Date) => new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

/** Looked for when Enter is pressed or the field is left: each search reads the table of runs. @param problemOf Why what is typed is not searched for; null when it is. */
function SearchField({ label, value, problemOf, onSearch }: { label: string; value: string; problemOf?: (typed: string) => string | null; onSearch: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const [problem, setProblem] = useState<string | null>(null);
  const noteId = useId();
  const go = () => {
    const found = problemOf?.(typed) ?? null;
    setProblem(found);
    if (found === null && typed.trim() !== value) onSearch(typed.trim());
  };
  return (
    <>
      <input
        type="search"
        className="narrow"
        aria-label={label}
        aria-invalid={problem !== null}
        aria-describedby={problem === null ? undefined : noteId}
        placeholder={label}
        maxLength={200}
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setProblem(null);
        }}
        onBlur={go}
        onKeyDown={(event) => event.key === "Enter" && go()}
      />
      {problem !== null && (
        <span id={noteId} className="quiet" role="status">
          {problem}
        </span>
      )}
    </>
  );
}
