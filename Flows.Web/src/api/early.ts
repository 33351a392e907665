import { apiQuery, readFilter } from "../runs/filter";
import { addressOf, bringsSession, callerHeaders, credentials, query } from "./caller";

// A file of its own, which the page names first: what the address asks for is on its way while the app is still being loaded.
const sent = new Map<string, Promise<Response>>();
const longestMs = 60_000;

/** The answer to a GET that was sent before the app was there; once, and only what is asked for to the letter. */
export function takeEarly(path: string): Promise<Response> | undefined {
  const answer = sent.get(path);
  sent.delete(path);
  return answer;
}

/** When it turns out that nobody is signed in: what was refused to nobody is asked for again by whoever signs in. */
export const dropEarly = () => sent.clear();

/**
 * What a page will ask for first.
 * @param page Its address below the app's own, without a slash at its beginning.
 */
export function firstQuestions(page: string, search: URLSearchParams): string[] {
  const [area, id] = page.split("/");
  const isId = /^[0-9a-f-]{36}$/.test(id ?? "");
  if (area === "runs" && !id) {
    const filter = readFilter(search);
    // A range that goes back from now is another one when the app is there.
    return filter.since ? [] : [`api/v1/runs${apiQuery(filter, 0, { limit: 50, cursor: null })}`];
  }
  if (area === "runs" && isId) return [`api/v1/runs/${id}`, `api/v1/runs/${id}/steps${query({ limit: 500 })}`];
  if (area === "flows" && isId) return [`api/v1/flows/${id}/draft`, `api/v1/flows/${id}`, "api/v1/pieces"];
  if ((area === "flows" && !id) || area === "") {
    const of = (name: string) => search.get(name);
    return [`api/v1/flows${query({ limit: 50, folder: of("folder"), tag: of("tag"), state: of("state"), q: of("q"), recent: 24 })}`];
  }
  return [];
}

function send() {
  if (credentials.get() === null && !bringsSession()) return;
  const page = location.pathname.slice(new URL(document.baseURI).pathname.length);
  for (const path of ["api/v1/me", ...firstQuestions(page, new URLSearchParams(location.search))]) {
    const answer = fetch(addressOf(path), { headers: { accept: "application/json", ...callerHeaders("GET") }, signal: AbortSignal.timeout(longestMs) });
    // Nobody may ever take it; who does hears of the failure.
    answer.catch(() => {});
    sent.set(path, answer);
  }
  // An answer that nobody has taken by then is old: whoever asks now wants to know how it is now.
  setTimeout(dropEarly, 10_000);
}

if (typeof document !== "undefined") send();
