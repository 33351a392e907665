import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get, patch, post, type Schemas } from "../api/client";
import { usePieces } from "../builder/usePieces";
import { text } from "../text";
import { Button, Dialog, Failure, Field } from "../ui/ui";
import { fieldsOf, isFree, valueOf, type FormField } from "./connectionFields";

type Connection = Schemas["ConnectionView"];

/** A new connection, or other values for one that there is. Secrets are never shown; left empty they stay as they are. */
export function ConnectionDialog({ connection, onClose, onSaved }: { connection: Connection | null; onClose: () => void; onSaved: (connection: Connection) => void }) {
  const pieces = usePieces();
  const apps = useQuery({ queryKey: ["oauth-apps"], queryFn: async () => (await get<Schemas["OAuthAppList"]>("api/v1/oauth-apps")).items });
  const [name, setName] = useState(connection?.name ?? "");
  const [key, setKey] = useState(connection?.key ?? "");
  const [target, setTarget] = useState(connection?.piece ?? connection?.kind ?? "secret");
  const [values, setValues] = useState<Record<string, string>>(() => shownOf(connection));
  const [extra, setExtra] = useState<{ name: string; value: string }[]>([{ name: "", value: "" }]);
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const piece = pieces.byName.get(target);
  const isCustom = target === "custom";
  const fields = isCustom
    ? Object.keys((connection?.fields as object | undefined) ?? {}).map((item): FormField => ({ name: item, title: item, control: "secret", required: false }))
    : fieldsOf(target, piece, (apps.data ?? []).map((app) => app.key), values);
  const save = async () => {
    const value = { ...valueOf(fields, values, connection), ...(isCustom ? Object.fromEntries(extra.filter((item) => item.name !== "").map((item) => [item.name, item.value])) : {}) };
    setBusy(true);
    try {
      onSaved(
        connection
          ? await patch<Connection>(`api/v1/connections/${connection.id}`, { name, ...(Object.keys(value).length > 0 ? { value } : {}) })
          : await post<Connection>("api/v1/connections", { key, name: name || null, ...(isFree(target) ? { kind: target } : { piece: target }), value }),
      );
    } catch (error) {
      setProblem(error);
      setBusy(false);
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
              <select
                id={id}
                value={target}
                onChange={(event) => {
                  setTarget(event.target.value);
                  setValues({});
                }}
              >
                {pieces.all
                  .filter((item) => item.auth)
                  .map((item) => (
                    <option key={item.name} value={item.name}>
                      {item.title}
                    </option>
                  ))}
                <option value="secret">{text.connections.anyPiece}: one secret</option>
                <option value="basic">{text.connections.anyPiece}: user and password</option>
                <option value="oauth2">{text.connections.anyPiece}: OAuth 2</option>
                <option value="custom">{text.connections.anyPiece}: {text.connect.fields.own}</option>
              </select>
            )}
          </Field>
        )}
        {!connection && <Field label={text.connections.key}>{(id) => <input id={id} required pattern="[A-Za-z_][A-Za-z0-9_]*" value={key} onChange={(event) => setKey(event.target.value)} />}</Field>}
        <Field label={text.common.name}>{(id) => <input id={id} maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />}</Field>
        {piece?.auth?.help && <p className="help">{piece.auth.help}</p>}
        {fields.map((item) => (
          <Field key={item.name} label={item.title} help={connection && item.control === "secret" ? text.connections.keep : item.help}>
            {(id) => <Control id={id} field={item} isNew={!connection} value={values[item.name] ?? ""} onChange={(value) => setValues({ ...values, [item.name]: value })} />}
          </Field>
        ))}
        {isCustom &&
          extra.map((item, index) => {
            const set = (changed: Partial<typeof item>) => setExtra([...extra.slice(0, index), { ...item, ...changed }, ...extra.slice(index + 1), ...(index === extra.length - 1 ? [{ name: "", value: "" }] : [])]);
            return (
              <div key={index} className="row">
                <input aria-label={text.connect.fieldName} placeholder={text.connect.fieldName} value={item.name} onChange={(event) => set({ name: event.target.value })} />
                <input aria-label={text.connect.fieldValue} placeholder={text.connect.fieldValue} type="password" autoComplete="off" value={item.value} onChange={(event) => set({ value: event.target.value })} />
              </div>
            );
          })}
        {problem !== null && <Failure error={problem} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="submit" tone="primary" disabled={isBusy}>
            {text.common.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Control({ id, field, isNew, value, onChange }: { id: string; field: FormField; isNew: boolean; value: string; onChange: (value: string) => void }) {
  const required = field.required && isNew;
  if (field.control === "select")
    return (
      <select id={id} required={required} value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="" />
        {field.options?.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    );
  if (field.control === "multiline") return <textarea id={id} rows={4} className="mono" required={required} value={value} onChange={(event) => onChange(event.target.value)} />;
  return (
    <input
      id={id}
      type={field.control === "secret" ? "password" : field.control === "number" ? "number" : "text"}
      autoComplete="off"
      required={required}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

/** The fields that are no secrets come with their values. */
const shownOf = (connection: Connection | null): Record<string, string> =>
  Object.fromEntries(Object.entries((connection?.fields ?? {}) as Record<string, unknown>).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
