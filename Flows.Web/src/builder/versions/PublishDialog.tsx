import { useState } from "react";
import type { DefinitionProblem, Schemas } from "../../api/client";
import type { Definition, Step } from "../../flow/definition";
import { diff, inWords } from "../../flow/diff";
import { text } from "../../text";
import { Button, Dialog, Failure, Field } from "../../ui/ui";
import { DraftConflict } from "../useDraft";
import { ChangeList, DiffView } from "./DiffView";
import { usePublished } from "./useVersions";

interface PublishDialogProps {
  flowId: string;
  definition: Definition;
  problems: DefinitionProblem[];
  titles: (definition: Definition) => (step: Step | null) => { title: string; kind: string };
  act: (path: string, body: unknown) => Promise<unknown>;
  onClose: () => void;
  onPublished: (version: number) => void;
  onProblems: () => void;
  /** Somebody else has changed the draft: nothing was published. */
  onConflict: () => void;
}

/** Says what becomes different for the runs to come, before it does. */
export function PublishDialog({ flowId, definition, problems, titles, act, onClose, onPublished, onProblems, onConflict }: PublishDialogProps) {
  const [note, setNote] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [onCanvas, setOnCanvas] = useState(false);
  const published = usePublished(flowId);
  const before = published.data?.definition as unknown as Definition | undefined;
  const changes = before ? diff(before, definition) : null;
  const errors = problems.filter((problem) => problem.severity === "Error").length;
  const publish = async () => {
    setBusy(true);
    setError(null);
    try {
      const version = (await act("publish", { note: note || null })) as Schemas["FlowVersionView"];
      onPublished(Number(version.number));
    } catch (failed) {
      if (failed instanceof DraftConflict) onConflict();
      else setError(failed as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={text.builder.publishTitle} help={text.builder.publishHelp} onClose={onClose} size={onCanvas ? "huge" : "wide"}>
      {published.isLoading && <p className="help">{text.common.loading}</p>}
      {published.isSuccess && !published.data && <p className="help">{text.build.firstVersion}</p>}
      {changes && before && (
        <section aria-label={text.build.whatChanges}>
          <div className="row">
            <h3 className="grow">
              {text.build.sinceVersion(Number(published.data?.number))}: {inWords(changes) || text.build.nothing}
            </h3>
            {changes.length > 0 && (
              <button type="button" className="link" aria-pressed={onCanvas} onClick={() => setOnCanvas(!onCanvas)}>
                {onCanvas ? text.build.asList : text.build.onCanvas}
              </button>
            )}
          </div>
          {onCanvas ? (
            <DiffView before={before} after={definition} names={[text.build.version(Number(published.data?.number)), text.build.draft]} changes={changes} titles={titles} />
          ) : (
            <ChangeList changes={changes} />
          )}
        </section>
      )}
      <Field label={text.builder.publishNote}>{(id) => <input id={id} value={note} maxLength={500} onChange={(event) => setNote(event.target.value)} />}</Field>
      {errors > 0 && (
        <p className="problem" role="alert">
          {text.build.cannotPublish(errors)}{" "}
          <button type="button" className="link" onClick={onProblems}>
            {text.build.showProblems}
          </button>
        </p>
      )}
      {error && <Failure error={error} />}
      <div className="dialog-actions">
        <Button onClick={onClose}>{text.common.cancel}</Button>
        <Button tone="primary" disabled={isBusy} onClick={() => void publish()}>
          {text.builder.publish}
        </Button>
      </div>
    </Dialog>
  );
}
