import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { get, post, type Schemas } from "../api/client";
import { text } from "../text";
import { tell, tellError } from "../ui/ui";

const lookMs = 1500;
/** For so long is a sign-in good. */
const longestMs = 10 * 60_000;

/** Signs a person in at the service of a connection, in a window of its own, and tells when the connection has its token. */
export function useSignIn() {
  const client = useQueryClient();
  const [pending, setPending] = useState<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
  const start = async (connection: Schemas["ConnectionView"]) => {
    // Opened before anything is waited for: later, the browser would take it for an advertisement.
    const opened = window.open("about:blank", "_blank");
    try {
      const { url } = await post<Schemas["SignInStart"]>(`api/v1/connections/${connection.id}/oauth/start`, {});
      if (opened) {
        opened.opener = null;
        opened.location.href = url;
      } else {
        tell(text.connect.blocked, true);
        return;
      }
    } catch (error) {
      opened?.close();
      tellError(error);
      return;
    }
    setPending(connection.id);
    const end = Date.now() + longestMs;
    const stop = (message?: string, isBad = false) => {
      setPending(null);
      if (message) tell(message, isBad);
      void client.invalidateQueries({ queryKey: ["connections"] });
    };
    const look = async () => {
      const now = await get<Schemas["ConnectionView"]>(`api/v1/connections/${connection.id}`).catch(() => null);
      if (now?.status === "ready" && (connection.status !== "ready" || now.expiresAt !== connection.expiresAt)) stop(text.connect.connected(now.name));
      else if (opened.closed) stop(text.connect.notConnected(connection.name), true);
      else if (Date.now() > end) stop(text.connect.tooLate, true);
      else timer.current = setTimeout(() => void look(), lookMs);
    };
    timer.current = setTimeout(() => void look(), lookMs);
  };
  return { pending, start };
}
