import { useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, patch, post, query, type PropDescription, type Schemas } from "../api/client";
import { usePieces } from "../builder/usePieces";
import { text } from "../text";
import { when } from "../ui/format";
import { useList } from "../ui/useList";
import { Button, Dialog, Empty, Failure, Field, IconButton, tellError } from "../ui/ui";

type Connection = Schemas["ConnectionView"];

const plainKinds: Record<string, string[]> = { secret: ["token"], basic: ["username", "password"] };
const plainField = (name: string): PropDescription =>
  ({ name, title: name, type: "string", control: name === "username" ? "text" : "secret", required: true, help: null, options: null, default: null }) as unknown as PropDescription;

export function ConnectionsPage() {
  const client = useQueryClient();
  const connections = useList<Connection>(["connections"], (cursor) => `api/v1/connections${query({ limit: 100, cursor })}`);
  const [edited, setEdited] = useState<Connection | "new" | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: ["connections"] });
  return (
    <main className="page">
      <header className="page-head">
        <h1>{text.connections.title}</h1>
        <Button tone="primary" icon={<Plus size={16} />} onClick={() => setEdited("new")}>
          {text.connections.new}
        </Button>
      </header>
      {connections.error && <Failure error={connections.error} retry={() => void connections.refetch()} />}
      {connections.isSuccess && connections.items.length === 0 && <Empty title={text.connections.empty}>{text.connections.emptyHelp}</Empty>}
      <ul className="cards">
        {connections.items.map((connection) => (
          <li key={connection.id} className="card">
            <span className="card-title">{connection.name}</span>
            <code>{connection.key}</code>
            <span className="badge">{connection.piece ?? connection.kind}</span>
            <span className="quiet">{when(connection.updatedAt)}</span>
            <IconButton label={`Change ${connection.name}`} onClick={() => setEdited(connection)}>
              <Pencil size={16} />
            </IconButton>
            <IconButton label={`${text.common.delete} ${connection.name}`} onClick={() => void del(`api/v1/connections/${connection.id}`).then(refresh, tellError)}>
              <Trash2 size={16} />
            </IconButton>
          </li>
        ))}
      </ul>
      {edited && (
        <ConnectionDialog
          connection={edited === "new" ? null : edited}
          onClose={() => setEdited(null)}
          onSaved={() => {
            setEdited(null);
            void refresh();
          }}
        />
      )}
    </main>
  );
}

function ConnectionDialog({ connection, onClose, onSaved }: { connection: Connection | null; onClose: () => void; onSaved: () => void }) {
  const pieces = usePieces();
  const [name, setName] = useState(connection?.name ?? "");
  const [key, setKey] = useState(connection?.key ?? "");
  const [target, setTarget] = useState(connection?.piece ?? connection?.kind ?? "secret");
  const [values, setValues] = useState<Record<string, string>>({});
  const [problem, setProblem] = useState<string | null>(null);
  const piece = pieces.byName.get(target);
  const fields = piece?.auth?.fields ?? (plainKinds[target] ?? Object.keys((connection?.fields as object | undefined) ?? {})).map(plainField);
  const save = async () => {
    const filled = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
    try {
      if (connection) await patch(`api/v1/connections/${connection.id}`, { name, value: filled });
      else await post("api/v1/connections", { key, name: name || null, ...(piece ? { piece: piece.name } : { kind: target }), value: filled });
      onSaved();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <Dialog title={connection?.name ?? text.connections.new} help={text.connections.emptyHelp} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {!connection && (
          <Field label={text.connections.piece}>
            {(id) => (
              <select id={id} value={target} onChange={(event) => setTarget(event.target.value)}>
                {pieces.all.filter((item) => item.auth).map((item) => (
                  <option key={item.name} value={item.name}>
                    {item.title}
                  </option>
                ))}
                <option value="secret">{text.connections.anyPiece}: one secret</option>
                <option value="basic">{text.connections.anyPiece}: user and password</option>
              </select>
            )}
          </Field>
        )}
        {!connection && <Field label={text.connections.key}>{(id) => <input id={id} required pattern="[A-Za-z_][A-Za-z0-9_]*" value={key} onChange={(event) => setKey(event.target.value)} />}</Field>}
        <Field label={text.common.name}>{(id) => <input id={id} value={name} onChange={(event) => setName(event.target.value)} />}</Field>
        {fields.map((field) => (
          <Field key={field.name} label={field.title} help={connection ? text.connections.keep : field.help}>
            {(id) => (
              <input
                id={id}
                type={field.control === "secret" ? "password" : "text"}
                autoComplete="off"
                required={field.required && !connection}
                value={values[field.name] ?? ""}
                onChange={(event) => setValues({ ...values, [field.name]: event.target.value })}
              />
            )}
          </Field>
        ))}
        {problem && <Failure error={new Error(problem)} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="submit" tone="primary">
            {text.common.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
