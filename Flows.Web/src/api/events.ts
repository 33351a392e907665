import { addressOf, callerHeaders } from "./client";

/** One server-sent event. */
export interface ServerEvent {
  id: string;
  event: string;
  data: unknown;
}

const longestLine = 4_000_000;

/** Takes text as it comes, in whatever pieces, and gives the events that are whole (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export class EventParser {
  private rest = "";
  private id = "";
  private event = "";
  private data: string[] = [];

  push(chunk: string): ServerEvent[] {
    this.rest += chunk;
    if (this.rest.length > longestLine) throw new Error("An event is larger than any that the API sends.");
    const events: ServerEvent[] = [];
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() as string;
    for (const line of lines) {
      if (line !== "") {
        this.take(line);
        continue;
      }
      if (this.data.length > 0) events.push({ id: this.id, event: this.event || "message", data: JSON.parse(this.data.join("\n")) as unknown });
      this.event = "";
      this.data = [];
    }
    return events;
  }

  private take(line: string) {
    const colon = line.indexOf(":");
    if (colon === 0) return; // a sign of life
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.id = value;
    else if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
  }
}

/** How a connection ended: the stream is over for good, it was cut and may be opened again, or the API does not give one. */
export type StreamEnd = "over" | "cut" | "refused";

const silenceMs = 45_000;

/**
 * Listens until the stream ends. EventSource cannot send an API key, so this is fetch.
 * @param after The id of the last event that was heard, or an empty text.
 * @param onOpen Called when the API has begun to answer.
 */
export async function listen(path: string, after: string, signal: AbortSignal, onOpen: () => void, onEvent: (event: ServerEvent) => void): Promise<StreamEnd> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  try {
    const response = await fetch(addressOf(path), {
      headers: { accept: "text/event-stream", ...callerHeaders("GET"), ...(after ? { "last-event-id": after } : {}) },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (response.status === 204) return "over";
    if (!response.ok || !response.body) return response.status === 404 ? "over" : "refused";
    onOpen();
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "cut";
      heard();
      for (const event of parser.push(value)) onEvent(event);
    }
  } catch {
    return "cut";
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}
