import { useState } from "react";
import { Link } from "react-router";
import { post, type Schemas } from "../api/client";
import { text } from "../text";
import { Button, Dialog, Field } from "../ui/ui";

/** Takes an export of a flow or a project, an Activepieces template or an n8n workflow, and shows what could not be taken over. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const [json, setJson] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [result, setResult] = useState<Schemas["ImportResult"] | null>(null);
  const [isBusy, setBusy] = useState(false);
  const go = async () => {
    setProblem(null);
    try {
      JSON.parse(json);
    } catch (error) {
      setProblem(text.flows.notJson((error as Error).message));
      return;
    }
    setBusy(true);
    try {
      setResult(await post<Schemas["ImportResult"]>("api/v1/flows/import", json));
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  if (result)
    return (
      <Dialog title={text.flows.import} onClose={onClose}>
        {result.project && (
          <ul className="notes">
            {result.project.missingConnections.map((connection) => (
              <li key={connection.key}>
                <code>{connection.key}</code> {text.flows.missingConnection(connection.piece ?? connection.kind)}
              </li>
            ))}
            {result.project.keptVariables.map((key) => (
              <li key={key}>
                <code>{key}</code> {text.flows.keptVariable}
              </li>
            ))}
          </ul>
        )}
        {result.flows.map((flow) => {
          const notes = [...flow.notes.map((note) => ({ step: note.step, message: note.message })), ...flow.warnings.map((warning) => ({ step: warning.path, message: warning.message }))];
          return (
            <section key={flow.id}>
              <h3>
                <Link to={`/flows/${flow.id}`}>{flow.name}</Link>
              </h3>
              <p>{notes.length === 0 ? text.flows.importedAll : text.flows.imported}</p>
              <ul className="notes">
                {notes.map((note, index) => (
                  <li key={index}>
                    {note.step && <code>{note.step}</code>} {note.message}
                  </li>
                ))}
              </ul>
            </section>
          );
        })}
        <div className="dialog-actions">
          <Button tone="primary" onClick={onClose}>
            {text.common.close}
          </Button>
        </div>
      </Dialog>
    );
  return (
    <Dialog title={text.flows.import} help={text.flows.importHelp} onClose={onClose}>
      <Field label={text.flows.importFile} error={problem}>
        {(id) => (
          <>
            <input type="file" accept=".json,application/json" aria-label={text.flows.importFile} onChange={(event) => void event.target.files?.[0]?.text().then(setJson)} />
            <textarea id={id} rows={10} className="mono" value={json} onChange={(event) => setJson(event.target.value)} />
          </>
        )}
      </Field>
      <div className="dialog-actions">
        <Button onClick={onClose}>{text.common.cancel}</Button>
        <Button tone="primary" disabled={isBusy || json.trim() === ""} onClick={() => void go()}>
          {text.flows.import}
        </Button>
      </div>
    </Dialog>
  );
}
