import { useState } from "react";
import { text } from "../text";
import { Dialog, Failure } from "../ui/ui";
import { templates, type Template } from "./gallery";

const all = templates();

/** The samples as beginnings of flows of one's own. A part of its own, because it brings all of them along. */
export default function Gallery({ onPick, onClose }: { onPick: (template: Template) => Promise<void>; onClose: () => void }) {
  const [search, setSearch] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = all.filter((template) => words.every((word) => `${template.title} ${template.help} ${template.kinds.join(" ")}`.toLowerCase().includes(word)));
  const pick = async (template: Template) => {
    setBusy(true);
    try {
      await onPick(template);
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  };
  return (
    <Dialog title={text.flows.gallery} help={text.flows.galleryHelp} onClose={onClose} wide>
      <input type="search" autoFocus aria-label={text.common.search} placeholder={text.common.search} value={search} onChange={(event) => setSearch(event.target.value)} />
      {error !== null && <Failure error={error} />}
      <ul className="templates">
        {shown.map((template) => (
          <li key={template.key}>
            <button type="button" className="template" disabled={isBusy} onClick={() => void pick(template)}>
              <b>{template.title}</b>
              <span>{template.help}</span>
              <small>{template.kinds.join(" · ")}</small>
            </button>
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p className="help">{text.builder.pickNone}</p>}
    </Dialog>
  );
}
