import { useQuery } from "@tanstack/react-query";
import { get, type Schemas } from "../api/client";
import { text } from "../text";
import { bytes, when } from "../ui/format";
import { Failure } from "../ui/ui";

/** What Postgres holds, and how long things are kept. */
export function StoragePanel() {
  const storage = useQuery({ queryKey: ["storage"], queryFn: () => get<Schemas["StorageView"]>("api/v1/system/storage"), refetchInterval: 60_000 });
  if (storage.error) return <Failure error={storage.error} retry={() => void storage.refetch()} />;
  if (!storage.data) return <p className="loading">{text.common.loading}</p>;
  const { databaseBytes, runDays, pausedDays, failedJobDays, tables, due } = storage.data;
  return (
    <>
      <dl className="figures">
        {[
          [text.ops.database, bytes(Number(databaseBytes))],
          [text.ops.runsKept, text.ops.days(Number(runDays))],
          [text.ops.pausedKept, text.ops.days(Number(pausedDays))],
          [text.ops.deadKept, text.ops.days(Number(failedJobDays))],
        ].map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <table className="table">
        <thead>
          <tr>
            <th>{text.ops.tableName}</th>
            <th>{text.ops.rows}</th>
            <th>{text.ops.data}</th>
            <th>{text.ops.indexes}</th>
            <th>{text.ops.kept}</th>
          </tr>
        </thead>
        <tbody>
          {tables.map((table) => (
            <tr key={table.name}>
              <td>
                <code>{table.name}</code> {Number(table.partitions) > 1 && <small className="quiet">{text.ops.partitions(Number(table.partitions))}</small>}
              </td>
              <td>{Number(table.rows).toLocaleString()}</td>
              <td>{bytes(Number(table.tableBytes))}</td>
              <td>{bytes(Number(table.indexBytes))}</td>
              <td className="quiet">{table.oldestDay && `${table.oldestDay} … ${table.newestDay}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {due.length > 0 && (
        <>
          <h3>{text.ops.due}</h3>
          <table className="table">
            <thead>
              <tr>
                <th>{text.ops.dueDay}</th>
                <th>{text.ops.dueWhy}</th>
                <th>{text.ops.nextLook}</th>
              </tr>
            </thead>
            <tbody>
              {due.map((day) => (
                <tr key={day.day}>
                  <td>{day.day}</td>
                  <td>{whyDue(day)}</td>
                  <td>{day.nextLookAt && when(day.nextLookAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

function whyDue(day: Schemas["DueDay"]) {
  if (day.hasOpenRuns) return text.ops.openRuns;
  return Number(day.givenUp) > 0 ? text.ops.givenUp(Number(day.givenUp), when(day.givenUpAt)) : text.ops.dueSoon;
}
