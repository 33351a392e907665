import { useEffect, useState } from "react";
import { useLatest } from "../ui/ui";
import { listen, type ServerEvent } from "./events";

const firstPauseMs = 500;
const longestPauseMs = 15_000;

/**
 * Listens to a stream of the API for as long as the page is there, from where it was cut, with longer pauses while it cannot be had. A tab that
 * nobody looks at gives its place up, and goes on when somebody does: a browser has only six connections to a host over HTTP/1.1, for all its tabs.
 * @param path Null: nothing is listened to.
 * @returns True while the stream is open: nobody has to ask.
 */
export function useEvents(path: string | null, onEvent: (event: ServerEvent) => void): boolean {
  const [isOpen, setOpen] = useState(false);
  const told = useLatest(onEvent);
  useEffect(() => {
    if (path === null) return;
    let left = new AbortController();
    let after = "";
    let isRunning = false;
    const run = async () => {
      if (isRunning) return;
      isRunning = true;
      const { signal } = left;
      let pause = firstPauseMs;
      while (!signal.aborted) {
        const end = await listen(path, after, signal, () => setOpen(true), (event) => {
          after = event.id || after;
          pause = firstPauseMs;
          told.current(event);
        });
        setOpen(false);
        if (end === "over" || signal.aborted) break;
        await new Promise<void>((done) => {
          const timer = setTimeout(done, pause);
          signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
        });
        pause = Math.min(pause * 2, longestPauseMs);
      }
      isRunning = false;
      if (!left.signal.aborted && signal.aborted) void run(); // somebody came back meanwhile
    };
    const look = () => {
      if (document.hidden) left.abort();
      else if (left.signal.aborted || !isRunning) {
        if (left.signal.aborted) left = new AbortController();
        void run();
      }
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      left.abort();
    };
  }, [path, told]);
  return isOpen;
}
