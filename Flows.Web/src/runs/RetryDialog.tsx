import { useState } from "react";
import { JsonField } from "../builder/ExpressionField";
import { text } from "../text";
import { Button, Dialog } from "../ui/ui";

/** Asks for another input of the step, or of the trigger for a retry from the start. What was not edited is not sent. */
export function RetryDialog({ path, input: first, onClose, onGo }: { path: string; input: unknown; onClose: () => void; onGo: (input: unknown) => void }) {
  const [input, setInput] = useState<unknown>(first ?? undefined);
  const [isEdited, setEdited] = useState(false);
  return (
    <Dialog title={path === "start" ? text.run.editTrigger : `${text.runs.retryHere}: ${path}`} onClose={onClose} wide>
      <JsonField
        label={text.runs.edited}
        value={first ?? undefined}
        onChange={(next) => {
          setInput(next);
          setEdited(true);
        }}
      />
      <div className="dialog-actions">
        <Button onClick={onClose}>{text.common.cancel}</Button>
        <Button tone="primary" onClick={() => onGo(isEdited ? (input ?? null) : undefined)}>
          {text.runs.retry}
        </Button>
      </div>
    </Dialog>
  );
}
