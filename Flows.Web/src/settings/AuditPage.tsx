import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { get, query, type Schemas } from "../api/client";
import { text } from "../text";
import { show, when } from "../ui/format";
import { differences } from "../ui/jsonDiff";
import { useList } from "../ui/useList";
import { Button, Empty, Failure } from "../ui/ui";
import { useMe } from "./useMe";

const areas = ["flow", "folder", "run", "runs", "trigger", "connection", "oauth_app", "variable", "key", "member", "invitation", "project", "queue", "session", "password", "keys"];
const filters = ["action", "actor", "target", "from", "to"] as const;

/** Who did what, newest first; by what it was about, who, on what and when. */
export function AuditPage() {
  const [search, setSearch] = useSearchParams();
  const me = useMe();
  const project = me.data?.project?.id;
  const of = (name: string) => search.get(name) ?? "";
  const values = Object.fromEntries(filters.map((name) => [name, of(name)]));
  const narrow = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    setSearch(next, { replace: true });
  };
  const rows = useList<Schemas["AuditView"]>(["audit", values], (cursor) =>
    `api/v1/audit${query({ ...values, from: values.from && new Date(values.from).toISOString(), to: values.to && new Date(new Date(values.to).getTime() + 86_400_000).toISOString(), limit: 50, cursor })}`,
  );
  const members = useQuery({ queryKey: ["members", project], queryFn: () => get<Schemas["MemberList"]>(`api/v1/projects/${project}/members`), enabled: project !== undefined });
  const isFiltered = filters.some((name) => values[name]);
  return (
    <main className="page wide">
      <header className="page-head">
        <h1>{text.audit.title}</h1>
        {isFiltered && <Button onClick={() => setSearch({}, { replace: true })}>{text.list.clear}</Button>}
      </header>
      <div className="filters" role="search">
        <select aria-label={text.audit.about} value={areas.includes(of("action")) ? of("action") : ""} onChange={(event) => narrow("action", event.target.value)}>
          <option value="">{text.audit.all}</option>
          {areas.map((area) => (
            <option key={area}>{area}</option>
          ))}
        </select>
        <select aria-label={text.audit.who} value={of("actor")} onChange={(event) => narrow("actor", event.target.value)}>
          <option value="">{text.trail.anybody}</option>
          {of("actor") && !members.data?.items.some((member) => member.userId === of("actor")) && <option value={of("actor")}>{rows.items[0]?.actor ?? of("actor")}</option>}
          {members.data?.items.map((member) => (
            <option key={member.userId} value={member.userId}>
              {member.name}
            </option>
          ))}
        </select>
        <input key={of("target")} type="search" aria-label={text.audit.target} placeholder={text.trail.targetHint} defaultValue={of("target")} onKeyDown={(event) => event.key === "Enter" && narrow("target", event.currentTarget.value.trim())} onBlur={(event) => event.currentTarget.value.trim() !== of("target") && narrow("target", event.currentTarget.value.trim())} />
        <input type="date" aria-label={text.list.from} value={of("from")} onChange={(event) => narrow("from", event.target.value)} />
        <input type="date" aria-label={text.list.to} value={of("to")} onChange={(event) => narrow("to", event.target.value)} />
      </div>
      {rows.error && <Failure error={rows.error} retry={() => void rows.refetch()} />}
      {rows.isSuccess && rows.items.length === 0 && <Empty title={isFiltered ? text.trail.noneMatch : text.audit.empty}>{text.audit.emptyHelp}</Empty>}
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
                  <button type="button" className="link" disabled={!row.actorId} onClick={() => narrow("actor", row.actorId ?? "")}>
                    {row.actor}
                  </button>{" "}
                  <small className="quiet">{row.address}</small>
                </td>
                <td>
                  <code>{row.action}</code>
                </td>
                <td className="cut">
                  {row.target && (
                    <button type="button" className="link" onClick={() => narrow("target", row.target ?? "")}>
                      {row.target}
                    </button>
                  )}
                </td>
                <td>{((row.before ?? null) !== null || (row.after ?? null) !== null) && <Change before={row.before ?? {}} after={row.after ?? {}} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.hasNextPage && <Button onClick={() => void rows.fetchNextPage()}>{text.common.more}</Button>}
    </main>
  );
}

function Change({ before, after }: { before: unknown; after: unknown }) {
  return (
    <details>
      <summary>{text.audit.show}</summary>
      <ul className="notes">
        {differences(before, after).map((change) => (
          <li key={change.path}>
            <code>{change.path}</code> {change.kind !== "added" && <del>{show(change.left).slice(0, 500)}</del>} {change.kind !== "removed" && <ins>{show(change.right).slice(0, 500)}</ins>}
          </li>
        ))}
      </ul>
    </details>
  );
}
