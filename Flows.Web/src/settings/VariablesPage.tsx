import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, get, put, type Schemas } from "../api/client";
import { text } from "../text";
import { show, when } from "../ui/format";
import { Button, Dialog, Empty, Failure, Field, IconButton, tellError } from "../ui/ui";

/** What a person typed: JSON where it is JSON, else the text itself. */
export function readValue(typed: string): unknown {
  try {
    return JSON.parse(typed);
  } catch {
    return typed;
  }
}

export function VariablesPage() {
  const client = useQueryClient();
  const variables = useQuery({ queryKey: ["variables"], queryFn: () => get<Schemas["VariableList"]>("api/v1/variables") });
  const [edited, setEdited] = useState<{ key: string; value: string; isNew: boolean } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: ["variables"] });
  const save = async () => {
    if (!edited) return;
    try {
      await put(`api/v1/variables/${encodeURIComponent(edited.key)}`, { value: readValue(edited.value) });
      await refresh();
      setEdited(null);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  const open = (key: string, value: string, isNew: boolean) => {
    setProblem(null);
    setEdited({ key, value, isNew });
  };
  return (
    <main className="page">
      <header className="page-head">
        <h1>{text.variables.title}</h1>
        <Button tone="primary" icon={<Plus size={16} />} onClick={() => open("", "", true)}>
          {text.variables.new}
        </Button>
      </header>
      {variables.error && <Failure error={variables.error} retry={() => void variables.refetch()} />}
      {variables.data?.items.length === 0 && <Empty title={text.variables.empty}>{text.variables.emptyHelp}</Empty>}
      <ul className="cards">
        {variables.data?.items.map((variable) => (
          <li key={variable.key} className="card">
            <code className="card-title">{variable.key}</code>
            <code className="cut">{show(variable.value).slice(0, 200)}</code>
            <span className="quiet">{when(variable.updatedAt)}</span>
            <IconButton label={text.common.change(variable.key)} onClick={() => open(variable.key, show(variable.value), false)}>
              <Pencil size={16} />
            </IconButton>
            <IconButton label={`${text.common.delete} ${variable.key}`} onClick={() => void del(`api/v1/variables/${encodeURIComponent(variable.key)}`).then(refresh, tellError)}>
              <Trash2 size={16} />
            </IconButton>
          </li>
        ))}
      </ul>
      {edited && (
        <Dialog title={edited.isNew ? text.variables.new : edited.key} onClose={() => setEdited(null)}>
          {edited.isNew && <Field label={text.common.name}>{(id) => <input id={id} autoFocus value={edited.key} onChange={(event) => setEdited({ ...edited, key: event.target.value })} />}</Field>}
          <Field label={text.variables.value} error={problem}>
            {(id) => <textarea id={id} rows={6} className="mono" value={edited.value} onChange={(event) => setEdited({ ...edited, value: event.target.value })} />}
          </Field>
          <div className="dialog-actions">
            <Button onClick={() => setEdited(null)}>{text.common.cancel}</Button>
            <Button tone="primary" disabled={edited.key === ""} onClick={() => void save()}>
              {text.common.save}
            </Button>
          </div>
        </Dialog>
      )}
    </main>
  );
}
