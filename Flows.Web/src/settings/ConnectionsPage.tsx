import { useQueryClient } from "@tanstack/react-query";
import { LogIn, Pencil, Plug, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { del, post, query, type Schemas } from "../api/client";
import { usePieces } from "../builder/usePieces";
import { text } from "../text";
import { when } from "../ui/format";
import { useList } from "../ui/useList";
import { Button, Dialog, Empty, Failure, IconButton, tell, tellError } from "../ui/ui";
import { ConnectionDialog } from "./ConnectionDialog";
import { OAuthApps } from "./OAuthApps";
import { useSignIn } from "./useSignIn";

type Connection = Schemas["ConnectionView"];

export function ConnectionsPage() {
  const client = useQueryClient();
  const pieces = usePieces();
  const signIn = useSignIn();
  const connections = useList<Connection>(["connections"], (cursor) => `api/v1/connections${query({ limit: 100, cursor })}`, 15_000);
  const [edited, setEdited] = useState<Connection | "new" | null>(null);
  const [deleted, setDeleted] = useState<Connection | null>(null);
  const [tested, setTested] = useState<string | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: ["connections"] });
  const test = async (connection: Connection) => {
    setTested(connection.id);
    try {
      const result = await post<Schemas["ConnectionTest"]>(`api/v1/connections/${connection.id}/test`);
      tell(result.ok ? text.connect.works(connection.name, result.account ?? null) : `${connection.name}: ${result.message}`, !result.ok);
    } catch (error) {
      tellError(error);
    } finally {
      setTested(null);
    }
  };
  const needsPerson = (connection: Connection) => connection.kind === "oauth2" && (connection.fields as { grant?: string }).grant !== "client_credentials";
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
            <span className="card-words">
              <span className="card-title">{connection.name}</span>
              {connection.problem && <small className="problem">{connection.problem}</small>}
            </span>
            <code>{connection.key}</code>
            <span className="badge">{(connection.piece && pieces.byName.get(connection.piece)?.title) ?? connection.piece ?? connection.kind}</span>
            {connection.kind === "oauth2" && <span className={connection.status === "ready" ? "badge good" : "badge bad"}>{connection.status === "ready" ? text.connect.ready : text.connect.needsSignIn}</span>}
            <span className="quiet">{when(connection.updatedAt)}</span>
            {needsPerson(connection) && (
              <Button icon={<LogIn size={16} />} tone={connection.status === "ready" ? "plain" : "primary"} disabled={signIn.pending !== null} onClick={() => void signIn.start(connection)}>
                {signIn.pending === connection.id ? text.connect.waiting : connection.status === "ready" ? text.connect.again : text.connect.signIn}
              </Button>
            )}
            {connection.piece && pieces.byName.get(connection.piece)?.canTest && (
              <Button icon={<Plug size={16} />} disabled={tested !== null} onClick={() => void test(connection)}>
                {tested === connection.id ? text.connect.testing : text.connect.test}
              </Button>
            )}
            <IconButton label={text.common.change(connection.name)} onClick={() => setEdited(connection)}>
              <Pencil size={16} />
            </IconButton>
            <IconButton label={`${text.common.delete} ${connection.name}`} onClick={() => setDeleted(connection)}>
              <Trash2 size={16} />
            </IconButton>
          </li>
        ))}
      </ul>
      {connections.hasNextPage && <Button onClick={() => void connections.fetchNextPage()}>{text.common.more}</Button>}
      <OAuthApps />
      {edited && (
        <ConnectionDialog
          connection={edited === "new" ? null : edited}
          onClose={() => setEdited(null)}
          onSaved={(saved) => {
            setEdited(null);
            void refresh();
            if (saved.status === "needsSignIn") tell(text.connect.nowSignIn(saved.name));
          }}
        />
      )}
      {deleted && (
        <Dialog title={deleted.name} help={text.connect.deleteQuestion} onClose={() => setDeleted(null)}>
          <div className="dialog-actions">
            <Button onClick={() => setDeleted(null)}>{text.common.cancel}</Button>
            <Button
              tone="danger"
              onClick={() => {
                void del(`api/v1/connections/${deleted.id}`).then(refresh, tellError);
                setDeleted(null);
              }}
            >
              {text.common.delete}
            </Button>
          </div>
        </Dialog>
      )}
    </main>
  );
}
