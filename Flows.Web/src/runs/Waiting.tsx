import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { JsonField } from "../builder/ExpressionField";
import { addressOf, get, post, type RunView } from "../api/client";
import { useMe } from "../settings/useMe";
import { text } from "../text";
import { show, when } from "../ui/format";
import { Button, CopyButton, Field } from "../ui/ui";
import type { Act } from "./RunHead";

interface Wait {
  kind: string;
  path: string;
  until?: string;
  expires?: string;
  runId?: string;
  approvers?: number;
  approvals?: number;
  url?: string;
}

/** What a run waits for, and what a person can do about it. */
export function Waiting({ run, act }: { run: RunView; act: Act }) {
  const waiting = run.waitingFor as (Wait & { waits?: Wait[]; more?: boolean }) | null | undefined;
  if (!waiting) return null;
  if (run.status === "NeedsDecision") return <Decide runId={run.id} path={waiting.path} act={act} />;
  if (run.status !== "Paused") return null;
  return (
    <>
      {(waiting.waits ?? [waiting]).map((wait) =>
        wait.kind === "approval" && wait.url ? (
          <Approve key={wait.path} wait={wait} act={act} />
        ) : (
          <div key={wait.path} className="banner">
            <span>
              {text.runs.waits} <b>{text.run.waitKinds[wait.kind as keyof typeof text.run.waitKinds] ?? wait.kind}</b> · <code>{wait.path}</code>
              {wait.until && ` · ${text.run.until} ${when(wait.until)}`}
              {wait.expires && ` · ${text.run.expires} ${when(wait.expires)}`}
            </span>
            {wait.runId && <Link to={`/runs/${wait.runId}`}>{text.run.thatRun}</Link>}
            {wait.url && <CopyButton value={wait.url} label={text.run.copyResume} />}
          </div>
        ),
      )}
      {waiting.more && <p className="banner">{text.run.moreWaits}</p>}
    </>
  );
}

interface Approval {
  message?: unknown;
  state: string;
  votes: { by: string; approved: boolean; comment?: string | null }[];
}

function Approve({ wait, act }: { wait: Wait; act: Act }) {
  const me = useMe();
  const [comment, setComment] = useState("");
  const [isBusy, setBusy] = useState(false);
  // The link names the public address; the page asks the API that it came from.
  const path = linkPath(wait.url as string);
  const approval = useQuery({ queryKey: ["approval", path], queryFn: () => get<Approval>(path), refetchInterval: 10_000 });
  const say = async (decision: "approve" | "refuse") => {
    setBusy(true);
    await act(() => post(path, { decision, comment: comment.trim() || null, name: me.data?.user?.name ?? me.data?.key?.name ?? null }).then(() => undefined), text.run.decisions[decision]);
    setBusy(false);
  };
  const message = approval.data?.message;
  return (
    <section className="banner tall" aria-label={text.run.approvalTitle}>
      <h2>
        {text.run.approvalTitle} <code>{wait.path}</code>
      </h2>
      {message !== undefined && message !== null && <p className="said">{show(message)}</p>}
      <p>
        {text.run.approvals(wait.approvals ?? 0, wait.approvers ?? 1)}
        {wait.expires && ` · ${text.run.expires} ${when(wait.expires)}`}
      </p>
      {(approval.data?.votes.length ?? 0) > 0 && (
        <ul className="notes">
          {approval.data?.votes.map((vote) => (
            <li key={vote.by}>
              <b>{vote.by}</b>: {vote.approved ? text.run.approved : text.run.refused} {vote.comment}
            </li>
          ))}
        </ul>
      )}
      <Field label={text.run.comment}>{(id) => <textarea id={id} rows={2} maxLength={2000} value={comment} onChange={(event) => setComment(event.target.value)} />}</Field>
      <div className="row">
        <Button tone="primary" disabled={isBusy} onClick={() => void say("approve")}>
          {text.run.approve}
        </Button>
        <Button tone="danger" disabled={isBusy} onClick={() => void say("refuse")}>
          {text.run.refuse}
        </Button>
        <CopyButton value={wait.url as string} label={text.run.copyApproval} />
      </div>
    </section>
  );
}

/** The part of a public link that comes after the app's own address. */
function linkPath(url: string): string {
  const base = new URL(addressOf("")).pathname;
  const path = new URL(url, document.baseURI).pathname;
  return path.startsWith(base) ? path.slice(base.length) : path;
}

function Decide({ runId, path, act }: { runId: string; path: string; act: Act }) {
  const [output, setOutput] = useState<unknown>(undefined);
  const [isBusy, setBusy] = useState(false);
  const decide = async (decision: "happened" | "repeat" | "stop") => {
    setBusy(true);
    await act(() => post(`api/v1/runs/${runId}/decide`, { path, decision, ...(decision === "happened" ? { output: output ?? null } : {}) }), text.run.decisions[decision]);
    setBusy(false);
  };
  return (
    <div className="banner tall" role="alert">
      <h2>
        {text.runs.decideTitle} <code>{path}</code>
      </h2>
      <p>{text.runs.decideHelp}</p>
      <details>
        <summary>{text.run.outputOfIt}</summary>
        <JsonField label={text.runs.output} value={undefined} onChange={setOutput} />
      </details>
      <div className="row">
        <Button disabled={isBusy} onClick={() => void decide("happened")}>
          {text.runs.happened}
        </Button>
        <Button disabled={isBusy} onClick={() => void decide("repeat")}>
          {text.runs.repeat}
        </Button>
        <Button tone="danger" disabled={isBusy} onClick={() => void decide("stop")}>
          {text.runs.stopIt}
        </Button>
      </div>
    </div>
  );
}
