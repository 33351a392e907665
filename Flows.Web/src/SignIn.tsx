import { useState, type FormEvent } from "react";
import { ApiError, credentials, get } from "./api/client";
import { text } from "./text";
import { Button, Field } from "./ui/ui";

export function SignIn({ onDone }: { onDone: () => void }) {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    credentials.set(key.trim());
    try {
      await get("api/v1/me");
      onDone();
    } catch (error) {
      credentials.clear();
      setProblem(error instanceof ApiError && error.status === 401 ? text.signIn.wrong : (error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>{text.signIn.title}</h1>
        <Field label={text.signIn.key} help={text.signIn.keyHelp} error={problem}>
          {(id) => <input id={id} type="password" autoComplete="current-password" autoFocus required value={key} onChange={(event) => setKey(event.target.value)} />}
        </Field>
        <Button type="submit" tone="primary" disabled={isBusy || key.trim() === ""}>
          {text.signIn.go}
        </Button>
      </form>
    </main>
  );
}
