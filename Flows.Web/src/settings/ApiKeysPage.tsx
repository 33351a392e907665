import { useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { del, post, query, type Schemas } from "../api/client";
import { NameDialog } from "../flows/FlowsPage";
import { text } from "../text";
import { when } from "../ui/format";
import { useList } from "../ui/useList";
import { Button, CopyButton, Dialog, Failure, tellError } from "../ui/ui";

export function ApiKeysPage() {
  const client = useQueryClient();
  const keys = useList<Schemas["ApiKeyView"]>(["keys"], (cursor) => `api/v1/api-keys${query({ limit: 100, cursor })}`);
  const [isNew, setNew] = useState(false);
  const [made, setMade] = useState<Schemas["NewApiKey"] | null>(null);
  const [revoked, setRevoked] = useState<Schemas["ApiKeyView"] | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: ["keys"] });
  return (
    <main className="page">
      <header className="page-head">
        <h1>{text.keys.title}</h1>
        <Button tone="primary" icon={<Plus size={16} />} onClick={() => setNew(true)}>
          {text.keys.new}
        </Button>
      </header>
      {keys.error && <Failure error={keys.error} retry={() => void keys.refetch()} />}
      <ul className="cards">
        {keys.items.map((key) => (
          <li key={key.id} className="card">
            <span className="card-title">{key.name}</span>
            <code>{key.prefix}…</code>
            <span className="quiet">
              {text.keys.lastUsed}: {when(key.lastUsedAt) || text.keys.never}
            </span>
            {key.revokedAt ? <span className="badge bad">revoked</span> : <Button onClick={() => setRevoked(key)}>{text.keys.revoke}</Button>}
          </li>
        ))}
      </ul>
      {isNew && (
        <NameDialog
          title={text.keys.new}
          name=""
          go={text.common.create}
          onClose={() => setNew(false)}
          onDone={async (name) => {
            setMade(await post<Schemas["NewApiKey"]>("api/v1/api-keys", { name }));
            setNew(false);
            await refresh();
          }}
        />
      )}
      {made && (
        <Dialog title={made.name} help={text.keys.shown} onClose={() => setMade(null)}>
          <p className="secret">
            <code>{made.key}</code>
            <CopyButton value={made.key} />
          </p>
        </Dialog>
      )}
      {revoked && (
        <Dialog title={revoked.name} help={text.keys.revokeQuestion} onClose={() => setRevoked(null)}>
          <div className="dialog-actions">
            <Button onClick={() => setRevoked(null)}>{text.common.cancel}</Button>
            <Button
              tone="danger"
              onClick={() => {
                void del(`api/v1/api-keys/${revoked.id}`).then(refresh, tellError);
                setRevoked(null);
              }}
            >
              {text.keys.revoke}
            </Button>
          </div>
        </Dialog>
      )}
    </main>
  );
}
