import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState, type FormEvent } from "react";
import { addressOf, del, get, put, type Schemas } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { Button, CopyButton, Dialog, Failure, Field, IconButton, tellError } from "../ui/ui";

/** The clients that services have given the project; connections share them by their keys. */
export function OAuthApps() {
  const client = useQueryClient();
  const apps = useQuery({ queryKey: ["oauth-apps"], queryFn: async () => (await get<Schemas["OAuthAppList"]>("api/v1/oauth-apps")).items });
  const [isNew, setNew] = useState(false);
  const refresh = () => client.invalidateQueries({ queryKey: ["oauth-apps"] });
  return (
    <section>
      <header className="page-head section">
        <h2>{text.connect.apps}</h2>
        <span className="spring" />
        <Button icon={<Plus size={16} />} onClick={() => setNew(true)}>
          {text.connect.newApp}
        </Button>
      </header>
      <p className="help">
        {text.connect.redirect} <code>{addressOf("oauth/callback")}</code> <CopyButton value={addressOf("oauth/callback")} />
      </p>
      {apps.error && <Failure error={apps.error} retry={() => void apps.refetch()} />}
      <ul className="cards">
        {apps.data?.map((app) => (
          <li key={app.key} className="card">
            <span className="card-title">{app.name}</span>
            <code>{app.key}</code>
            <span className="cut">{app.clientId}</span>
            <span className="quiet">{when(app.updatedAt)}</span>
            <IconButton label={`${text.common.delete} ${app.name}`} onClick={() => void del(`api/v1/oauth-apps/${encodeURIComponent(app.key)}`).then(refresh, tellError)}>
              <Trash2 size={16} />
            </IconButton>
          </li>
        ))}
      </ul>
      {isNew && <AppDialog onClose={() => setNew(false)} onSaved={() => (setNew(false), void refresh())} />}
    </section>
  );
}

function AppDialog({ onClose, onSaved }: { onClose: () => void; onSaved: () => void }) {
  const [values, setValues] = useState({ key: "", name: "", clientId: "", clientSecret: "" });
  const [problem, setProblem] = useState<unknown>(null);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await put(`api/v1/oauth-apps/${encodeURIComponent(values.key)}`, { clientId: values.clientId, clientSecret: values.clientSecret || null, name: values.name || null });
      onSaved();
    } catch (error) {
      setProblem(error);
    }
  };
  const input = (name: keyof typeof values, label: string, type: "text" | "password", required: boolean) => (
    <Field label={label}>{(id) => <input id={id} type={type} autoComplete="off" required={required} value={values[name]} onChange={(event) => setValues({ ...values, [name]: event.target.value })} />}</Field>
  );
  return (
    <Dialog title={text.connect.newApp} help={text.connect.appHelp} onClose={onClose}>
      <form onSubmit={(event) => void save(event)}>
        {input("key", text.connections.key, "text", true)}
        {input("name", text.common.name, "text", false)}
        {input("clientId", text.connect.clientId, "text", true)}
        {input("clientSecret", text.connect.clientSecret, "password", false)}
        {problem !== null && <Failure error={problem} />}
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
