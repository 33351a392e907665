const keyName = "flows-api-key";

/** An API key lives in this tab only, until it is closed or signed out. */
export const credentials = {
  get: () => sessionStorage.getItem(keyName),
  set: (key: string) => sessionStorage.setItem(keyName, key),
  clear: () => sessionStorage.removeItem(keyName),
};

const projectName = "flows-project";

/** Which of a person's projects this tab is about; null while it does not matter or is not chosen. */
export const chosenProject = {
  get: () => sessionStorage.getItem(projectName),
  set: (id: string) => sessionStorage.setItem(projectName, id),
  clear: () => sessionStorage.removeItem(projectName),
};

/** The server says in the page whether the browser has sent a session along; whether it is good, the API says. */
export const bringsSession = () => "session" in document.documentElement.dataset;

export const addressOf = (path: string) => new URL(path.replace(/^\//, ""), document.baseURI).toString();

/** The headers by which the API knows who asks, and for which project. */
export function callerHeaders(method: string): Record<string, string> {
  const key = credentials.get();
  const project = key ? null : chosenProject.get();
  return {
    ...(key ? { authorization: `Bearer ${key}` } : {}),
    ...(project ? { "flows-project": project } : {}),
    ...(method === "GET" ? {} : { "flows-csrf": "1" }),
  };
}

/** `?a=1&b=2` of what is set. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  const text = search.toString();
  return text && `?${text}`;
}
