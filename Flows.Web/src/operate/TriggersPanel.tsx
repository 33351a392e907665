import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "react-router";
import { get, post, query, type FlowView, type Schemas } from "../api/client";
import { useMe } from "../settings/useMe";
import { text } from "../text";
import { when } from "../ui/format";
import { Button, Empty, Failure, tell, tellError } from "../ui/ui";
import { useList } from "../ui/useList";

type Trigger = Schemas["TriggerView"];
const tones: Record<string, string> = { ok: "good", failing: "bad", paused: "bad", new: "busy", removing: "waiting" };

/** Triggers that ask services, or are called by them: those with trouble first, with a button to ask again now. */
export function TriggersPanel() {
  const client = useQueryClient();
  const mayEdit = useMe().data?.permissions.includes("flows:edit") ?? false;
  const triggers = useQuery({ queryKey: ["triggers"], queryFn: async () => (await get<{ items: Trigger[] }>("api/v1/triggers")).items, refetchInterval: 5000 });
  const flows = useList<FlowView>(["flows", "names"], (cursor) => `api/v1/flows${query({ limit: 100, cursor })}`);
  const nameOf = useMemo(() => new Map(flows.items.map((flow) => [flow.id, flow.name])), [flows.items]);
  const check = (trigger: Trigger) =>
    post(`api/v1/flows/${trigger.flowId}/trigger/check`)
      .then(() => tell(text.ops.checked), tellError)
      .then(() => client.invalidateQueries({ queryKey: ["triggers"] }));
  return (
    <>
      {triggers.error && <Failure error={triggers.error} retry={() => void triggers.refetch()} />}
      {triggers.data?.length === 0 && <Empty title={text.ops.noTriggers}>{text.ops.noTriggersHelp}</Empty>}
      {(triggers.data?.length ?? 0) > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th>{text.runs.status}</th>
              <th>{text.runs.flow}</th>
              <th>{text.runs.trigger}</th>
              <th>{text.ops.next}</th>
              <th>{text.ops.lastOk}</th>
              <th>{text.ops.trouble}</th>
              <th aria-label={text.ops.check} />
            </tr>
          </thead>
          <tbody>
            {triggers.data?.map((trigger) => (
              <tr key={`${trigger.flowId} ${trigger.kind} ${trigger.health}`}>
                <td>
                  <span className={`badge ${tones[trigger.health] ?? ""}`}>{trigger.health}</span>
                </td>
                <td>
                  <Link to={`/flows/${trigger.flowId}`}>{nameOf.get(trigger.flowId) ?? trigger.flowId}</Link>
                </td>
                <td>
                  {trigger.piece}: {trigger.event} <small className="quiet">{trigger.kind}</small>
                </td>
                <td className="quiet">{when(trigger.nextCallAt)}</td>
                <td className="quiet">{when(trigger.lastOkAt)}</td>
                <td>
                  {trigger.pausedReason && <p className="problem">{trigger.pausedReason}</p>}
                  {Number(trigger.failures) > 0 && (
                    <p className="quiet">
                      {text.ops.failures(Number(trigger.failures))} · {when(trigger.lastErrorAt)}: {(trigger.lastError as { message?: string } | null)?.message}
                    </p>
                  )}
                </td>
                <td>{mayEdit && <Button onClick={() => void check(trigger)}>{trigger.health === "paused" ? text.ops.resume : text.ops.check}</Button>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
