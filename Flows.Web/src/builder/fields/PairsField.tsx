import { Plus, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { text } from "../../text";
import { Button, IconButton } from "../../ui/ui";
import { ExpressionField } from "./ExpressionField";

/** Names and values, such as headers. A row without a name is kept in the form only; of two of a name the later one counts. */
export function PairsField({ label, value, onChange }: { label: string; value: Record<string, string>; onChange: (value: Record<string, string> | undefined) => void }) {
  const [rows, setRows] = useState<[string, string][]>(() => Object.entries(value));
  const told = useRef(JSON.stringify(value));
  // Undo, a restored version, or somebody else: what came from outside replaces the rows.
  useEffect(() => {
    const now = JSON.stringify(value);
    if (now === told.current) return;
    told.current = now;
    setRows(Object.entries(value));
  }, [value]);
  const set = (next: [string, string][]) => {
    setRows(next);
    const pairs = Object.fromEntries(next.filter(([name]) => name !== ""));
    told.current = JSON.stringify(pairs);
    onChange(Object.keys(pairs).length === 0 ? undefined : pairs);
  };
  const names = rows.map(([name]) => name);
  return (
    <div className="pairs" role="group" aria-label={label}>
      {rows.map(([name, item], index) => (
        <div key={index} className="pair">
          <input
            aria-label={`${label}: ${text.common.name} ${index + 1}`}
            placeholder={text.common.name}
            value={name}
            aria-invalid={name !== "" && names.indexOf(name) !== index}
            onChange={(event) => set(rows.map((row, at) => (at === index ? [event.target.value, row[1]] : row)))}
          />
          <div className="grow">
            <ExpressionField label={`${label}: ${text.build.valueOf(index + 1)}`} value={item} onChange={(next) => set(rows.map((row, at) => (at === index ? [row[0], next] : row)))} />
          </div>
          <IconButton label={`${text.common.remove} ${name}`} onClick={() => set(rows.filter((_, at) => at !== index))}>
            <Trash2 size={15} />
          </IconButton>
        </div>
      ))}
      <Button tone="ghost" icon={<Plus size={15} />} onClick={() => set([...rows, ["", ""]])}>
        {text.build.addPair}
      </Button>
    </div>
  );
}
