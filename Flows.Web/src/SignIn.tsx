import { useState, type FormEvent } from "react";
import { ApiError, credentials, get, post } from "./api/client";
import { text } from "./text";
import { Button, Field } from "./ui/ui";

/** With a person's password, which starts a session, or with an API key, which stays in this tab. */
export function SignIn({ onDone }: { onDone: () => void }) {
  const [isWithKey, setWithKey] = useState(false);
  const [email, setEmail] = useState("");
  const [secret, setSecret] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      if (isWithKey) {
        credentials.set(secret.trim());
        await get("api/v1/me");
      } else await post("api/v1/session", { email: email.trim(), password: secret });
      onDone();
    } catch (error) {
      credentials.clear();
      setProblem(isWithKey && error instanceof ApiError && error.status === 401 ? text.signIn.wrong : (error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>{text.signIn.title}</h1>
        {!isWithKey && (
          <Field label={text.signIn.email}>
            {(id) => <input id={id} type="email" autoComplete="username" autoFocus required value={email} onChange={(event) => setEmail(event.target.value)} />}
          </Field>
        )}
        <Field label={isWithKey ? text.signIn.key : text.signIn.password} help={isWithKey ? text.signIn.keyHelp : null} error={problem}>
          {(id) => <input key={String(isWithKey)} id={id} type="password" autoComplete={isWithKey ? "off" : "current-password"} autoFocus={isWithKey} required value={secret} onChange={(event) => setSecret(event.target.value)} />}
        </Field>
        <Button type="submit" tone="primary" disabled={isBusy || secret.trim() === "" || (!isWithKey && email.trim() === "")}>
          {text.signIn.go}
        </Button>
        <button
          type="button"
          className="link"
          onClick={() => {
            setWithKey(!isWithKey);
            setSecret("");
            setProblem(null);
          }}
        >
          {isWithKey ? text.signIn.withPassword : text.signIn.withKey}
        </button>
      </form>
    </main>
  );
}
