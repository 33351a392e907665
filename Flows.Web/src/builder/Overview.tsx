import { Panel, useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect, useMemo, useRef, type PointerEvent } from "react";
import { nodeHeight, nodeWidth, type Layout } from "../flow/layout";
import { text } from "../text";

const width = 200;
const height = 150;
const margin = 200;

/** The whole flow in a corner, with what is in sight framed: pressed or dragged it takes there, the wheel zooms. One shape for all boxes, and a frame that moves without React. */
export function Overview({ layout }: { layout: Layout }) {
  const store = useStoreApi();
  const { setCenter, getZoom, zoomTo } = useReactFlow();
  const frame = useRef<SVGRectElement>(null);
  const map = useRef<SVGSVGElement>(null);
  const boxes = useMemo(() => layout.steps.map(({ x, y }) => `M${x} ${y}h${nodeWidth}v${nodeHeight}h${-nodeWidth}z`).join(""), [layout]);
  useEffect(() => {
    const draw = () => {
      const { transform, width: seenWidth, height: seenHeight } = store.getState();
      const [x, y, zoom] = transform;
      const seen = { x: -x / zoom, y: -y / zoom, width: seenWidth / zoom, height: seenHeight / zoom };
      for (const [name, value] of Object.entries(seen)) frame.current?.setAttribute(name, String(Math.round(value)));
    };
    draw();
    return store.subscribe(draw);
  }, [store]);
  const go = (event: PointerEvent) => {
    const matrix = map.current?.getScreenCTM();
    if (!matrix) return;
    const to = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    void setCenter(to.x, to.y, { zoom: getZoom() });
  };
  return (
    <Panel position="bottom-right" className="overview">
      <svg
        ref={map}
        role="img"
        aria-label={text.build.map}
        width={width}
        height={height}
        viewBox={`${-layout.width / 2 - margin} ${-margin} ${layout.width + 2 * margin} ${layout.height + 2 * margin}`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          go(event);
        }}
        onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && go(event)}
        onWheel={(event) => void zoomTo(getZoom() * 2 ** (-event.deltaY * 0.002))}
      >
        <path d={boxes} />
        <rect ref={frame} vectorEffect="non-scaling-stroke" />
      </svg>
    </Panel>
  );
}
