import { useStoreApi } from "@xyflow/react";
import { useEffect, useRef } from "react";

const gap = 24;
/** Pixels of the screen; nearer to each other than this, every second dot is left out. */
const nearest = 12;

/** The dots behind the boxes: one layer that is shifted with the canvas by less than a gap, and drawn again only when the zoom changes. */
export function Dots() {
  const layer = useRef<HTMLDivElement>(null);
  const store = useStoreApi();
  useEffect(() => {
    let drawn = 0;
    const draw = () => {
      const style = layer.current?.style;
      if (!style) return;
      const [x, y, zoom] = store.getState().transform;
      let size = gap * zoom;
      while (size < nearest) size *= 2;
      if (size !== drawn) {
        drawn = size;
        style.inset = `${-size}px`;
        style.backgroundSize = `${size}px ${size}px`;
      }
      style.transform = `translate(${x % size}px, ${y % size}px)`;
    };
    draw();
    return store.subscribe(draw);
  }, [store]);
  return (
    <div className="dots" aria-hidden>
      <div ref={layer} />
    </div>
  );
}
