import { useState, type FormEvent } from "react";
import { text } from "../text";
import { Button, Dialog, Field } from "../ui/ui";

/** Asks for a name. What the API has against it is shown under the field, and nothing typed is lost. */
export function NameDialog({ title, name: first, go, onClose, onDone }: { title: string; name: string; go: string; onClose: () => void; onDone: (name: string) => Promise<void> }) {
  const [name, setName] = useState(first);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await onDone(name.trim());
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <Field label={text.common.name} error={problem}>
          {(id) => <input id={id} autoFocus required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <div className="dialog-actions">
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="submit" tone="primary" disabled={isBusy || name.trim() === ""}>
            {go}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
