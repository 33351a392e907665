import type { RunStatus, Schemas } from "../api/client";

export type Tone = "good" | "bad" | "busy" | "waiting" | "quiet";

const tones: Record<RunStatus, Tone> = {
  Queued: "busy", Running: "busy", Paused: "waiting", NeedsDecision: "waiting", Succeeded: "good", Failed: "bad", TimedOut: "bad", Cancelled: "quiet",
};

const words: Record<RunStatus, string> = {
  Queued: "Queued", Running: "Running", Paused: "Waiting", NeedsDecision: "Needs a decision", Succeeded: "Succeeded", Failed: "Failed", TimedOut: "Timed out", Cancelled: "Cancelled",
};

export const toneOf = (status: RunStatus): Tone => tones[status] ?? "quiet";
export const allStatuses = Object.keys(words) as RunStatus[];
export const wordOf = (status: RunStatus) => words[status] ?? status;
export const isFinal = (status: RunStatus) => ["Succeeded", "Failed", "TimedOut", "Cancelled"].includes(status);

const stepTones: Record<Schemas["StepStatus"], Tone> = { Running: "busy", Succeeded: "good", Failed: "bad", FailedAndContinued: "bad", Skipped: "quiet", Paused: "waiting" };
export const stepToneOf = (status: Schemas["StepStatus"]): Tone => stepTones[status] ?? "quiet";

export function StatusBadge({ status }: { status: RunStatus }) {
  return <span className={`badge ${toneOf(status)}`}>{wordOf(status)}</span>;
}
