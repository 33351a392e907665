import { useQueryClient } from "@tanstack/react-query";
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { ApiError, post, query, type Schemas } from "../api/client";
import { useMe } from "../settings/useMe";
import { text } from "../text";
import { when } from "../ui/format";
import { Button, Dialog, Empty, Failure, tell, tellError } from "../ui/ui";
import { useList } from "../ui/useList";

type Deleted = Schemas["DeletedFlowView"];

/** Flows that are deleted and not yet gone: until when each can be had back, and how far its purge is. */
export function DeletedFlowsPage() {
  const client = useQueryClient();
  const mayPurge = useMe().data?.permissions.includes("project:change") ?? false;
  const flows = useList<Deleted>(["flows", "deleted"], (cursor) => `api/v1/flows/deleted${query({ limit: 50, cursor })}`, 5000);
  const [purged, setPurged] = useState<Deleted | null>(null);
  const [taken, setTaken] = useState<Deleted | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: ["flows"] });
  const restore = async (flow: Deleted, withoutKey: boolean) => {
    try {
      await post(`api/v1/flows/deleted/${flow.id}/restore`, { withoutKey });
      tell(text.folders.restored(flow.name));
      setTaken(null);
    } catch (error) {
      // Another flow has the key by now: whether this one gives it up is for the person to say.
      if (!withoutKey && flow.key && error instanceof ApiError && error.status === 409 && !flow.purgeStartedAt) setTaken(flow);
      else tellError(error);
    }
    await refresh();
  };
  return (
    <main className="page">
      <header className="page-head">
        <h1>{text.folders.deleted}</h1>
        <Link className="button plain" to="/flows">
          {text.flows.title}
        </Link>
      </header>
      {flows.error && <Failure error={flows.error} retry={() => void flows.refetch()} />}
      {flows.isSuccess && flows.items.length === 0 && <Empty title={text.folders.noneDeleted}>{text.folders.noneDeletedHelp}</Empty>}
      <ul className="cards">
        {flows.items.map((flow) => (
          <li key={flow.id} className="card">
            <span className="card-title">{flow.name}</span>
            <span className="quiet">
              {text.folders.deletedAt} {when(flow.deletedAt)}
            </span>
            {flow.purgeStartedAt ? (
              <span className="badge bad">{text.folders.purging(Number(flow.purgedRuns))}</span>
            ) : (
              <>
                <span className="quiet">
                  {text.folders.goneAt} {when(flow.purgeAt)}
                </span>
                <Button icon={<RotateCcw size={16} />} onClick={() => void restore(flow, false)}>
                  {text.folders.restore}
                </Button>
                {mayPurge && (
                  <Button tone="danger" onClick={() => setPurged(flow)}>
                    {text.folders.purge}
                  </Button>
                )}
              </>
            )}
          </li>
        ))}
      </ul>
      {flows.hasNextPage && <Button onClick={() => void flows.fetchNextPage()}>{text.common.more}</Button>}
      {purged && (
        <Dialog title={purged.name} help={text.folders.purgeQuestion} onClose={() => setPurged(null)}>
          <div className="dialog-actions">
            <Button onClick={() => setPurged(null)}>{text.common.cancel}</Button>
            <Button
              tone="danger"
              onClick={() => {
                void post(`api/v1/flows/deleted/${purged.id}/purge`).then(refresh, tellError);
                setPurged(null);
              }}
            >
              {text.folders.purge}
            </Button>
          </div>
        </Dialog>
      )}
      {taken && (
        <Dialog title={taken.name} help={text.folders.keyTaken(taken.key ?? "")} onClose={() => setTaken(null)}>
          <div className="dialog-actions">
            <Button onClick={() => setTaken(null)}>{text.common.cancel}</Button>
            <Button tone="primary" onClick={() => void restore(taken, true)}>
              {text.folders.withoutKey}
            </Button>
          </div>
        </Dialog>
      )}
    </main>
  );
}
