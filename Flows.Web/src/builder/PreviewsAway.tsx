import { text } from "../text";
import { useAway } from "./fields/sources";
import type { PreviewBoard } from "./previewBoard";

/** Says why expressions are not being tried at the moment. */
export function PreviewsAway({ board }: { board: PreviewBoard }) {
  const why = useAway(board);
  return why === null ? null : (
    <p className="help" role="status">
      {text.build.noPreviews} {why}
    </p>
  );
}
