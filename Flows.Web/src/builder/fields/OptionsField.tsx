import { useQuery } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import { useContext, useDeferredValue, useEffect, useId, useMemo, useState } from "react";
import { call, type PropDescription, type Schemas } from "../../api/client";
import { text } from "../../text";
import { IconButton } from "../../ui/ui";
import { DataSources } from "./sources";
import type { Service } from "./PropFields";

interface OptionsFieldProps {
  id: string;
  prop: PropDescription;
  input: Record<string, unknown>;
  service?: Service;
  value: unknown;
  onChange: (value: unknown) => void;
}

const askAfterMs = 300;

/**
 * A drop-down whose entries the service gives: asked for when the field is opened, anew when a field it depends on changes or the
 * search does. What is not in the list may be typed; expressions of other fields count with their samples.
 */
export function OptionsField({ id, prop, input, service, value, onChange }: OptionsFieldProps) {
  const listId = useId();
  const { board } = useContext(DataSources);
  const [isOpen, setOpen] = useState(false);
  const [wasOpened, setOpened] = useState(false);
  const [typed, setTyped] = useState<string | null>(null);
  const [at, setAt] = useState(0);
  const others = useMemo(() => JSON.stringify(Object.fromEntries(Object.entries(input).filter(([name]) => name !== prop.name))), [input, prop.name]);
  const asked = useQuiet(useDeferredValue(`${others}\n${typed ?? ""}`));
  const options = useQuery<Schemas["PropOption"][]>({
    queryKey: ["options", service?.piece, prop.source, service?.connection, asked],
    enabled: service !== undefined && (wasOpened || value !== undefined),
    staleTime: 60_000,
    retry: false,
    placeholderData: (before) => before,
    queryFn: async ({ signal }) => {
      const [form = "{}", search = ""] = asked.split(/\n([\s\S]*)/);
      const answer = await call<Schemas["OptionList"]>("POST", `api/v1/pieces/${service?.piece}/options`, { source: prop.source, connection: service?.connection || undefined, search: search || undefined, input: JSON.parse(form) as unknown, context: board?.data }, {}, signal);
      return answer.body.items;
    },
  });
  const items = options.data ?? [];
  const words = (typed ?? "").toLowerCase();
  const shown = items.filter((item) => words === "" || `${item.label} ${item.value}`.toLowerCase().includes(words)).slice(0, 200);
  const chosen = items.find((item) => item.value === String(value ?? ""));
  const take = (next: string | undefined) => {
    onChange(next);
    setTyped(null);
    setOpen(false);
  };
  return (
    <div className="options" onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && (setOpen(false), typed !== null && take(typed === "" ? undefined : typed))}>
      <div className="row">
        <input
          id={id}
          role="combobox"
          aria-expanded={isOpen}
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={isOpen && shown[at] ? `${listId}-${at}` : undefined}
          autoComplete="off"
          value={typed ?? chosen?.label ?? String(value ?? "")}
          placeholder={text.build.choose}
          onFocus={() => (setOpen(true), setOpened(true))}
          onClick={() => setOpen(true)}
          onChange={(event) => (setTyped(event.target.value), setOpen(true), setAt(0))}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
              event.preventDefault();
              setOpen(true);
              setAt(Math.max(0, Math.min(shown.length - 1, at + (event.key === "ArrowDown" ? 1 : -1))));
            } else if (event.key === "Enter" && isOpen && shown[at]) {
              event.preventDefault();
              take(shown[at].value);
            } else if (event.key === "Escape" && isOpen) {
              event.stopPropagation();
              setTyped(null);
              setOpen(false);
            }
          }}
        />
        <IconButton label={`${text.build.refresh}: ${prop.title}`} disabled={options.isFetching} onClick={() => void options.refetch()}>
          <RefreshCw size={15} className={options.isFetching ? "turning" : ""} />
        </IconButton>
      </div>
      {isOpen && (
        <ul className="suggestions" role="listbox" id={listId} aria-label={prop.title}>
          {options.isFetching && items.length === 0 && <li aria-disabled>{text.common.loading}</li>}
          {options.isSuccess && shown.length === 0 && <li aria-disabled>{text.build.noOptions}</li>}
          {shown.map((item, index) => (
            <li key={item.value} id={`${listId}-${index}`} role="option" aria-selected={index === at} onMouseDown={(event) => (event.preventDefault(), take(item.value))}>
              {item.label}
              {item.label !== item.value && <small>{item.value}</small>}
            </li>
          ))}
        </ul>
      )}
      {chosen && chosen.label !== chosen.value && <p className="help mono">{chosen.value}</p>}
      {options.error && (
        <p className="problem" role="alert">
          {options.error.message}
        </p>
      )}
    </div>
  );
}

/** The value once it has been the same for a moment. */
function useQuiet(value: string): string {
  const [quiet, setQuiet] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setQuiet(value), askAfterMs);
    return () => clearTimeout(timer);
  }, [value]);
  return quiet;
}
