// Our own samples, taken from samples/ when the app is built; each is fetched only when somebody opens the gallery.
import readme from "../../../samples/README.md?raw";
import type { Definition } from "../flow/definition";

const definitions = import.meta.glob<Definition>("../../../samples/*/flow.json", { eager: true, import: "default" });

export interface Template {
  key: string;
  title: string;
  help: string;
  definition: Definition;
  /** Pieces that it uses, and what else it needs, to be searched by. */
  kinds: string[];
}

/** `approve-by-size` as people read it. */
const titleOf = (key: string) => key.charAt(0).toUpperCase() + key.slice(1).replaceAll("-", " ");

/** The table of samples/README.md as pairs of folder and words. */
export function readTable(markdown: string): Map<string, string> {
  return new Map([...markdown.matchAll(/^\| `([a-z0-9-]+)` \| (.+?) \|$/gm)].map((row) => [row[1] as string, row[2] as string]));
}

function kindsOf(definition: Definition): string[] {
  const kinds = new Set<string>();
  JSON.stringify(definition, (key, value: unknown) => {
    if ((key === "kind" && value !== "action") || key === "piece") kinds.add(String(value));
    return value;
  });
  return [...kinds];
}

export function templates(): Template[] {
  const words = readTable(readme);
  return Object.entries(definitions)
    .map(([path, definition]) => {
      const key = path.split("/").at(-2) as string;
      return { key, title: titleOf(key), help: words.get(key) ?? "", definition, kinds: kindsOf(definition) };
    })
    .sort((one, other) => one.title.localeCompare(other.title));
}
