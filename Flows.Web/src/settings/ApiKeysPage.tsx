import { useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState, type FormEvent } from "react";
import { del, post, query, type Schemas } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { useList } from "../ui/useList";
import { Button, CopyButton, Dialog, Empty, Failure, Field, tellError } from "../ui/ui";
import { useMe } from "./useMe";

type Key = Schemas["ApiKeyView"];
const roles = ["Owner", "Admin", "Editor", "Operator", "Viewer"];
const lives: Record<string, number> = { "30": 30, "90": 90, "365": 365 };

export function ApiKeysPage() {
  const client = useQueryClient();
  const keys = useList<Key>(["keys"], (cursor) => `api/v1/api-keys${query({ limit: 100, cursor })}`);
  const [isNew, setNew] = useState(false);
  const [made, setMade] = useState<Schemas["NewApiKey"] | null>(null);
  const [revoked, setRevoked] = useState<Key | null>(null);
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
      {keys.isSuccess && keys.items.length === 0 && <Empty title={text.keys.empty}>{text.key.emptyHelp}</Empty>}
      <ul className="cards">
        {keys.items.map((key) => (
          <li key={key.id} className="card">
            <span className="card-words">
              <span className="card-title">{key.name}</span>
              <small className="quiet">{key.scopes ? key.scopes.join(", ") : text.key.allOfRole}</small>
            </span>
            <span className="badge">{key.role}</span>
            <code>{key.prefix}…</code>
            <span className="quiet">
              {text.keys.lastUsed}: {when(key.lastUsedAt) || text.keys.never}
              {key.expiresAt && ` · ${text.key.expires} ${when(key.expiresAt)}`}
            </span>
            {key.revokedAt ? (
              <span className="badge bad">{text.key.revoked}</span>
            ) : key.expiresAt && new Date(key.expiresAt) < new Date() ? (
              <span className="badge bad">{text.key.expired}</span>
            ) : (
              <Button onClick={() => setRevoked(key)}>{text.keys.revoke}</Button>
            )}
          </li>
        ))}
      </ul>
      {keys.hasNextPage && <Button onClick={() => void keys.fetchNextPage()}>{text.common.more}</Button>}
      {isNew && (
        <KeyDialog
          onClose={() => setNew(false)}
          onMade={(key) => {
            setMade(key);
            setNew(false);
            void refresh();
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

/** A key may do no more than who makes it: only those permissions are offered. */
function KeyDialog({ onClose, onMade }: { onClose: () => void; onMade: (key: Schemas["NewApiKey"]) => void }) {
  const mine = useMe().data?.permissions ?? [];
  const [name, setName] = useState("");
  const [role, setRole] = useState("Editor");
  const [isCut, setCut] = useState(false);
  const [scopes, setScopes] = useState<ReadonlySet<string>>(new Set());
  const [life, setLife] = useState("");
  const [problem, setProblem] = useState<unknown>(null);
  const go = async (event: FormEvent) => {
    event.preventDefault();
    const days = lives[life];
    try {
      onMade(
        await post<Schemas["NewApiKey"]>("api/v1/api-keys", {
          name: name.trim(),
          role,
          ...(isCut ? { scopes: [...scopes] } : {}),
          ...(days ? { expiresAt: new Date(Date.now() + days * 86_400_000).toISOString() } : {}),
        }),
      );
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <Dialog title={text.keys.new} onClose={onClose}>
      <form onSubmit={(event) => void go(event)}>
        <Field label={text.common.name}>{(id) => <input id={id} autoFocus required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />}</Field>
        <Field label={text.members.role}>
          {(id) => (
            <select id={id} value={role} onChange={(event) => setRole(event.target.value)}>
              {roles.map((item) => (
                <option key={item}>{item}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label={text.key.life}>
          {(id) => (
            <select id={id} value={life} onChange={(event) => setLife(event.target.value)}>
              <option value="">{text.key.forEver}</option>
              {Object.keys(lives).map((days) => (
                <option key={days} value={days}>
                  {text.key.days(Number(days))}
                </option>
              ))}
            </select>
          )}
        </Field>
        <label className="check">
          <input type="checkbox" checked={isCut} onChange={(event) => setCut(event.target.checked)} /> {text.key.cut}
        </label>
        {isCut && (
          <fieldset className="scopes">
            <legend>{text.key.scopes}</legend>
            {mine.map((scope) => (
              <label key={scope} className="check">
                <input
                  type="checkbox"
                  checked={scopes.has(scope)}
                  onChange={() => {
                    const next = new Set(scopes);
                    if (!next.delete(scope)) next.add(scope);
                    setScopes(next);
                  }}
                />
                <code>{scope}</code>
              </label>
            ))}
          </fieldset>
        )}
        {problem !== null && <Failure error={problem} />}
        <div className="dialog-actions">
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="submit" tone="primary" disabled={name.trim() === "" || (isCut && scopes.size === 0)}>
            {text.common.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
