import { useSearchParams } from "react-router";
import { addressOf, query } from "../api/client";
import { useMe } from "../settings/useMe";
import { useProject } from "../settings/useProject";
import { text } from "../text";
import { DeadLetters } from "./DeadLetters";
import { HealthPanel } from "./HealthPanel";
import { QueuePanel } from "./QueuePanel";
import { StoragePanel } from "./StoragePanel";
import { TriggersPanel } from "./TriggersPanel";

const tabs = [
  { key: "queue", needs: "queue:read", Panel: QueuePanel },
  { key: "triggers", needs: "flows:read", Panel: TriggersPanel },
  { key: "dead", needs: "queue:operate", Panel: DeadLetters },
  { key: "health", needs: "queue:read", Panel: HealthPanel },
  { key: "storage", needs: "queue:operate", Panel: StoragePanel },
] as const;

/** What keeps the runs going: the queue and its workers, triggers that deal with services, dead letters, health and storage. */
export function OperatePage() {
  const [search, setSearch] = useSearchParams();
  const me = useMe().data;
  const permissions = me?.permissions;
  const id = me?.project?.id;
  const project = useProject();
  const mine = tabs.filter((tab) => permissions?.includes(tab.needs));
  const open = mine.find((tab) => tab.key === search.get("tab")) ?? mine[0];
  return (
    <main className="page wide">
      <header className="page-head">
        <h1>{text.operate.title}</h1>
        {project.data?.isTest && permissions?.includes("queue:operate") && (
          <a className="button plain" href={addressOf(`admin/chaos${query({ project: id })}`)}>
            {text.operate.chaosPage}
          </a>
        )}
        {permissions?.includes("queue:operate") && (
          <a className="button plain" href={addressOf(`admin/queues${query({ project: id })}`)}>
            {text.operate.queuePage}
          </a>
        )}
      </header>
      <nav className="tabs" aria-label={text.operate.title}>
        {mine.map((tab) => (
          <button key={tab.key} type="button" aria-current={tab === open ? "page" : undefined} onClick={() => setSearch(tab.key === "queue" ? {} : { tab: tab.key }, { replace: true })}>
            {text.ops.tabs[tab.key]}
          </button>
        ))}
      </nav>
      {open && <open.Panel />}
    </main>
  );
}
