import { useState } from "react";
import { query, type Schemas } from "../../api/client";
import type { Definition, Step } from "../../flow/definition";
import { diff, inWords } from "../../flow/diff";
import { text } from "../../text";
import { when } from "../../ui/format";
import { Button, Dialog, Failure } from "../../ui/ui";
import { useList } from "../../ui/useList";
import { DraftConflict } from "../useDraft";
import { DiffView } from "./DiffView";
import { useVersion } from "./useVersions";

interface VersionsDialogProps {
  flowId: string;
  definition: Definition;
  titles: (definition: Definition) => (step: Step | null) => { title: string; kind: string };
  act: (path: string) => Promise<unknown>;
  onClose: () => void;
  onRestored: (version: number) => void;
  /** Somebody else has changed the draft: nothing was restored. */
  onConflict: (version: number) => void;
}

/** Every version; two of them, or one and the draft, beside each other; and the way back to one. Null stands for the draft. */
export function VersionsDialog({ flowId, definition, titles, act, onClose, onRestored, onConflict }: VersionsDialogProps) {
  const versions = useList<Schemas["FlowVersionView"]>(["flows", flowId, "versions"], (cursor) => `api/v1/flows/${flowId}/versions${query({ limit: 50, cursor })}`);
  const newest = versions.items[0] ? Number(versions.items[0].number) : null;
  const [chosen, setFrom] = useState<number | null>(null);
  const from = chosen ?? newest;
  const [to, setTo] = useState<number | null>(null);
  const older = useVersion(flowId, from);
  const newer = useVersion(flowId, to);
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const before = older.data?.definition as unknown as Definition | undefined;
  const after = to === null ? definition : (newer.data?.definition as unknown as Definition | undefined);
  const changes = before && after ? diff(before, after) : null;
  const restore = async () => {
    if (from === null) return;
    setBusy(true);
    setError(null);
    try {
      // Saved first: the draft as it is now stays one step back.
      await act(`versions/${from}/restore`);
      onRestored(from);
    } catch (failed) {
      if (failed instanceof DraftConflict) onConflict(from);
      else setError(failed as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={text.builder.versions} onClose={onClose} size="huge">
      {versions.error && <Failure error={versions.error} retry={() => void versions.refetch()} />}
      {versions.isSuccess && versions.items.length === 0 && <p>{text.flows.notPublished}</p>}
      {versions.items.length > 0 && (
        <div className="versions">
          <div className="versions-list">
            <ul className="cards">
              {versions.items.map((version) => {
                const number = Number(version.number);
                return (
                  <li key={number}>
                    <button type="button" className={`card version ${number === from ? "selected" : ""}`} aria-pressed={number === from} onClick={() => (setFrom(number), to === number && setTo(null))}>
                      <span className="row">
                        <b>{text.build.version(number)}</b>
                        {version.published && <span className="badge good">{text.build.publishedNow}</span>}
                      </span>
                      {version.note && <span>{version.note}</span>}
                      <small className="quiet">
                        {when(version.createdAt)}
                        {version.createdBy && ` · ${version.createdBy}`}
                      </small>
                    </button>
                  </li>
                );
              })}
            </ul>
            {versions.hasNextPage && <Button onClick={() => void versions.fetchNextPage()}>{text.common.more}</Button>}
          </div>
          <section className="versions-diff" aria-label={text.build.compare}>
            <div className="row">
              <h3>
                {from !== null && text.build.version(from)} {text.build.against}
              </h3>
              <select aria-label={text.build.compareWith} value={to ?? ""} onChange={(event) => setTo(event.target.value === "" ? null : Number(event.target.value))}>
                <option value="">{text.build.draft}</option>
                {versions.items
                  .filter((version) => Number(version.number) !== from)
                  .map((version) => (
                    <option key={version.number} value={Number(version.number)}>
                      {text.build.version(Number(version.number))}
                    </option>
                  ))}
              </select>
              <span className="quiet grow">{changes && (inWords(changes) || text.build.nothing)}</span>
              <Button disabled={isBusy || from === null || (to === null && changes?.length === 0)} onClick={() => void restore()}>
                {from !== null ? text.build.restoreVersion(from) : text.builder.restore}
              </Button>
            </div>
            {(error ?? older.error ?? newer.error) && <Failure error={error ?? older.error ?? newer.error} />}
            {before && after && changes && (
              <DiffView key={`${from} ${to}`} before={before} after={after} names={[text.build.version(from ?? 0), to === null ? text.build.draft : text.build.version(to)]} changes={changes} titles={titles} />
            )}
          </section>
        </div>
      )}
    </Dialog>
  );
}
