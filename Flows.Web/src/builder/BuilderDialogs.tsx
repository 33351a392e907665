import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { placeOfProblem, type Definition } from "../flow/definition";
import { text } from "../text";
import { Dialog, tell } from "../ui/ui";
import type { useDraft } from "./useDraft";
import type { useTitles } from "./useTitles";

const PublishDialog = lazy(() => import("./versions/PublishDialog").then((module) => ({ default: module.PublishDialog })));
const VersionsDialog = lazy(() => import("./versions/VersionsDialog").then((module) => ({ default: module.VersionsDialog })));

export type Open = "publish" | "versions" | "problems" | "shortcuts";

interface BuilderDialogsProps {
  open: Open | null;
  flowId: string;
  definition: Definition;
  draft: ReturnType<typeof useDraft>;
  titles: ReturnType<typeof useTitles>;
  onOpen: (open: Open | null) => void;
  onSelect: (name: string | null) => void;
}

export function BuilderDialogs({ open, flowId, definition, draft, titles, onOpen, onSelect }: BuilderDialogsProps) {
  const client = useQueryClient();
  const close = () => onOpen(null);
  switch (open) {
    case null:
      return null;
    case "publish":
      return (
        <Suspense>
          <PublishDialog
            flowId={flowId}
            definition={definition}
            problems={draft.problems}
            titles={titles}
            act={draft.act}
            onClose={close}
            onConflict={() => {
              close();
              tell(text.build.notPublished, true);
            }}
            onProblems={() => onOpen("problems")}
            onPublished={(version) => {
              close();
              tell(text.build.isPublished(version));
              void client.invalidateQueries({ queryKey: ["flows"] });
            }}
          />
        </Suspense>
      );
    case "versions":
      return (
        <Suspense>
          <VersionsDialog
            flowId={flowId}
            definition={definition}
            titles={titles}
            act={draft.act}
            onClose={close}
            onConflict={(version) => {
              close();
              tell(text.build.notRestored(version), true);
            }}
            onRestored={(version) => {
              close();
              onSelect(null);
              void draft.goOn();
              tell(text.build.isRestored(version));
            }}
          />
        </Suspense>
      );
    case "problems":
      return (
        <Dialog title={text.builder.problems} onClose={close}>
          {draft.problems.length === 0 && <p>{text.builder.noProblems}</p>}
          <ul className="notes">
            {draft.problems.map((problem, index) => {
              const place = placeOfProblem(definition, problem.path);
              return (
                <li key={index}>
                  <button
                    type="button"
                    className="link"
                    onClick={() => {
                      onSelect(place.step ?? "trigger");
                      close();
                    }}
                  >
                    {place.step ?? text.builder.trigger}
                    {place.field && `: ${place.field}`}
                  </button>{" "}
                  {problem.message}
                </li>
              );
            })}
          </ul>
        </Dialog>
      );
    case "shortcuts":
      return (
        <Dialog title={text.build.shortcuts} onClose={close}>
          <dl className="shortcuts">
            {text.build.keys.map(([keys, does]) => (
              <div key={keys}>
                <dt>
                  <kbd>{keys}</kbd>
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </Dialog>
      );
  }
}
