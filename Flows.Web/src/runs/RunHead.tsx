import { GitCompareArrows, RotateCcw, Square } from "lucide-react";
import { Link } from "react-router";
import { post, type RunView } from "../api/client";
import { text } from "../text";
import { between, duration, when } from "../ui/format";
import { Button, CopyButton, Menu } from "../ui/ui";
import { isFinal, StatusBadge } from "./status";

export type Act = (action: () => Promise<unknown>, done: string) => Promise<void>;

/** How the run stands, and what a person does with it. */
export function RunHead({ run, flow, isLive, isStreaming, act, retry, onEditTrigger }: {
  run: RunView;
  flow: string;
  isLive: boolean;
  isStreaming: boolean;
  act: Act;
  retry: (from: string, version: string) => Promise<void>;
  onEditTrigger: () => void;
}) {
  const isOver = isFinal(run.status);
  return (
    <header className="builder-head">
      <h1>
        <Link to={`/flows/${run.flowId}`}>{flow}</Link>
      </h1>
      <StatusBadge status={run.status} />
      {run.environment === "Test" && <span className="badge">{text.run.test}</span>}
      {isLive && (
        <span className="live" title={isStreaming ? text.run.streaming : text.run.polling}>
          {text.runs.live}
        </span>
      )}
      <span className="quiet">
        {when(run.createdAt)} · {duration(between(run.startedAt, isOver ? run.finishedAt : null))} · {text.runs.attempt} {run.attempt}
        {run.version ? ` · version ${run.version}` : " · draft"}
      </span>
      <CopyButton value={new URL(`runs/${run.id}`, document.baseURI).toString()} label={text.run.copyLink} />
      <span className="spring" />
      <Link className="button plain" to={`/runs/compare?left=${run.retriedFrom ?? ""}&right=${run.id}`}>
        <GitCompareArrows size={16} aria-hidden />
        <span>{text.run.compare}</span>
      </Link>
      {!isOver && (
        <Button tone="danger" icon={<Square size={16} />} onClick={() => void act(() => post(`api/v1/runs/${run.id}/cancel`), text.run.cancelled)}>
          {text.runs.cancel}
        </Button>
      )}
      {isOver && (
        <Menu
          label={text.runs.retry}
          trigger={<RotateCcw size={18} />}
          items={[
            { label: text.runs.retryFailed, disabled: run.status === "Succeeded", run: () => void retry("failed", "same") },
            { label: text.runs.retryStart, run: () => void retry("start", "same") },
            { label: text.run.editTrigger, run: onEditTrigger },
            null,
            { label: text.run.failedLatest, disabled: run.status === "Succeeded", run: () => void retry("failed", "latest") },
            { label: text.runs.retryLatest, run: () => void retry("start", "latest") },
          ]}
        />
      )}
    </header>
  );
}
