import { useSearchParams } from "react-router";
import { query, type Schemas } from "../api/client";
import { text } from "../text";
import { show, when } from "../ui/format";
import { useList } from "../ui/useList";
import { Button, Empty, Failure } from "../ui/ui";

const areas = ["flow", "run", "trigger", "connection", "variable", "key", "member", "invitation", "project", "queue", "session", "password"];

/** Who did what, newest first. */
export function AuditPage() {
  const [search, setSearch] = useSearchParams();
  const action = search.get("action") ?? "";
  const rows = useList<Schemas["AuditView"]>(["audit", action], (cursor) => `api/v1/audit${query({ limit: 50, cursor, action })}`);
  return (
    <main className="page">
      <header className="page-head">
        <h1>{text.audit.title}</h1>
        <select aria-label={text.audit.about} value={action} onChange={(event) => setSearch(event.target.value ? { action: event.target.value } : {}, { replace: true })}>
          <option value="">{text.audit.all}</option>
          {areas.map((area) => (
            <option key={area}>{area}</option>
          ))}
        </select>
      </header>
      {rows.error && <Failure error={rows.error} retry={() => void rows.refetch()} />}
      {rows.isSuccess && rows.items.length === 0 && <Empty title={text.audit.empty}>{text.audit.emptyHelp}</Empty>}
      {rows.items.length > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th>{text.audit.when}</th>
              <th>{text.audit.who}</th>
              <th>{text.audit.what}</th>
              <th>{text.audit.target}</th>
              <th>{text.audit.change}</th>
            </tr>
          </thead>
          <tbody>
            {rows.items.map((row) => (
              <tr key={row.id}>
                <td className="quiet">{when(row.at)}</td>
                <td>
                  {row.actor} <small className="quiet">{row.address}</small>
                </td>
                <td>
                  <code>{row.action}</code>
                </td>
                <td className="cut">{row.target}</td>
                <td>
                  {(row.before ?? row.after) !== null && (
                    <details>
                      <summary>{text.audit.show}</summary>
                      {row.before !== null && <pre className="raw">{show(row.before)}</pre>}
                      {row.after !== null && <pre className="raw">{show(row.after)}</pre>}
                    </details>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.hasNextPage && <Button onClick={() => void rows.fetchNextPage()}>{text.common.more}</Button>}
    </main>
  );
}
