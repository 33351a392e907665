import { Download } from "lucide-react";
import { useState } from "react";
import { download, get, type Schemas } from "../api/client";
import { text } from "../text";
import { bytes } from "../ui/format";
import { Value } from "../ui/JsonView";
import { Button, tellError } from "../ui/ui";
import { filesIn, pathOfFile } from "./journal";

/** The largest value that is put on the page; a larger one is only downloaded. */
const mostShown = 4_000_000;

/** A value of a run: shown as a tree, a table or as it is; with the files that it names, and fetched when it lies apart because of its size. */
export function RunValue({ title, value, large, name }: { title: string; value: unknown; large?: Schemas["LargeValueView"] | null; name: string }) {
  const [fetched, setFetched] = useState<{ value: unknown } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const shown = fetched ? fetched.value : value;
  const fetchIt = async (url: string) => {
    setBusy(true);
    try {
      setFetched({ value: await get<unknown>(url) });
    } catch (error) {
      tellError(error);
    } finally {
      setBusy(false);
    }
  };
  if (large && !fetched)
    return (
      <section className="value">
        <header>
          <h3>{title}</h3>
          <small className="quiet">{bytes(Number(large.size))}</small>
        </header>
        <pre className="raw">{large.preview} …</pre>
        <div className="row">
          {Number(large.size) <= mostShown && (
            <Button disabled={isBusy} onClick={() => void fetchIt(large.url)}>
              {text.run.showWhole}
            </Button>
          )}
          <Button icon={<Download size={16} />} onClick={() => void download(large.url, `${name}.json`).catch(tellError)}>
            {text.run.downloadIt}
          </Button>
        </div>
      </section>
    );
  const files = filesIn(shown);
  return (
    <>
      <Value title={title} value={shown} name={name} />
      {files.length > 0 && (
        <ul className="files">
          {files.map((file) => {
            const path = pathOfFile(file.file);
            return (
              <li key={file.file}>
                <Button icon={<Download size={16} />} disabled={path === null} onClick={() => path && void download(path, file.name).catch(tellError)}>
                  {file.name}
                </Button>
                <small className="quiet">
                  {file.type} · {bytes(file.size)}
                </small>
              </li>
            );
          })}
        </ul>
      )}
    </>
  );
}
