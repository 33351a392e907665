import { ViewportPortal } from "@xyflow/react";
import { memo, useMemo } from "react";
import type { Layout } from "../flow/layout";

/** Drawn by hand under the boxes: they follow from the layout, nobody drags them, and hundreds of them cost one element. */
export const Lines = memo(function Lines({ layout }: { layout: Layout }) {
  const path = useMemo(() => layout.lines.map((line) => rounded(line.points)).join(" "), [layout]);
  return (
    <ViewportPortal>
      <svg className="lines" width={1} height={1} aria-hidden>
        <path d={path} />
      </svg>
    </ViewportPortal>
  );
});

function rounded(points: [number, number][]): string {
  const radius = 8;
  return points
    .map(([x, y], index) => {
      const before = points[index - 1];
      const after = points[index + 1];
      if (!before) return `M${x} ${y}`;
      if (!after) return `L${x} ${y}`;
      const toward = ([ax, ay]: [number, number]) => {
        const length = Math.hypot(ax - x, ay - y);
        const r = Math.min(radius, length / 2);
        return length === 0 ? [x, y] : [x + ((ax - x) / length) * r, y + ((ay - y) / length) * r];
      };
      const [ix, iy] = toward(before);
      const [ox, oy] = toward(after);
      return `L${ix} ${iy} Q${x} ${y} ${ox} ${oy}`;
    })
    .join(" ");
}
