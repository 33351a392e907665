import { Controls, ReactFlow, ReactFlowProvider, useReactFlow, useStoreApi, type Edge, type Node, type NodeChange } from "@xyflow/react";
import { memo, useCallback, useEffect, useMemo, useRef, useState, type RefObject } from "react";
import type { Definition, Note, Step } from "../flow/definition";
import { layOut, nodeHeight, nodeWidth } from "../flow/layout";
import { Dots } from "./Dots";
import { Lines } from "./Lines";
import { NoteActions, NoteBox } from "./NoteBox";
import { Overview } from "./Overview";
import { Actions, AddBox, LabelBox, StepBox, type CanvasActions, type StepNote } from "./StepBox";

export type { CanvasActions, StepNote } from "./StepBox";

const nodeTypes = { step: StepBox, add: AddBox, label: LabelBox, note: NoteBox };

interface CanvasProps {
  definition: Definition;
  titles: (step: Step | null) => { title: string; kind: string };
  notes: ReadonlyMap<string, StepNote>;
  selected: string | null;
  actions: CanvasActions;
  /** Changes a note on the canvas; null takes it away. Without it they can be read only. */
  onNote?: (index: number, note: Note | null) => void;
  /** One of several beside each other. */
  isSmall?: boolean;
}

export const Canvas = memo(function Canvas(props: CanvasProps) {
  return (
    <ReactFlowProvider>
      <Inner {...props} />
    </ReactFlowProvider>
  );
});

// A node that nobody can select or drag takes no clicks, unless it is told to: the buttons in it do. Its size is known and it has no handles,
// and saying so spares React Flow the measuring of each box that comes into sight.
const sized = (width: number, height: number) => ({ draggable: false, selectable: false, focusable: false, style: { pointerEvents: "all" as const }, width, height, measured: { width, height }, handles: [] });
const boxed = sized(nodeWidth, nodeHeight);
const dotted = sized(24, 24);
const labelled = sized(200, 24);
const noted = sized(220, 110);

function Inner({ definition, titles, notes, selected, actions, onNote, isSmall }: CanvasProps) {
  const layout = useMemo(() => layOut(definition), [definition]);
  const [dragged, setDragged] = useState<{ index: number; x: number; y: number } | null>(null);
  const reuse = useReused();
  const boxes = useMemo<Node[]>(
    () =>
      reuse([
        ...layout.steps.map((box) => ({
          ...boxed,
          id: box.id,
          type: "step",
          position: { x: box.x, y: box.y },
          data: { step: box.step, ...titles(box.step ?? null), isSelected: selected === box.id, note: notes.get(box.id), isEditable: Boolean(actions.move) },
        })),
        ...(actions.add ? layout.adds.map((add) => ({ ...dotted, id: `add ${add.id}`, type: "add", position: { x: add.x - 12, y: add.y - 12 }, data: { place: add.place, isOnly: add.isOnly } })) : []),
        ...layout.labels.map((label) => ({ ...labelled, id: `label ${label.id}`, type: "label", position: { x: label.x - 100, y: label.y - 12 }, data: { text: label.text, tone: label.tone } })),
      ]),
    [layout, titles, notes, selected, actions, reuse],
  );
  const reuseNote = useReused();
  const nodes = useMemo<Node[]>(
    () => [
      ...boxes,
      ...reuseNote(
        (definition.notes ?? []).map((note, index) => ({
          ...noted,
          draggable: Boolean(onNote),
          id: `note ${index}`,
          type: "note",
          position: dragged?.index === index ? { x: dragged.x, y: dragged.y } : { x: note.x, y: note.y },
          zIndex: 5,
          dragHandle: ".note-head",
          data: { note, index, isEditable: Boolean(onNote) },
        })),
      ),
    ],
    [boxes, definition.notes, onNote, dragged, reuseNote],
  );
  // A large flow opens at its trigger, to be read; the whole of it is one click away.
  const [first] = useState(() => (layout.height > tallest ? { ...fit, nodes: layout.steps.filter((box) => box.y < readable).map(({ id }) => ({ id })) } : fit));
  const { setCenter, getZoom, flowToScreenPosition } = useReactFlow();
  const pane = useRef<HTMLDivElement>(null);
  useMovingLayer(pane);
  useEffect(() => {
    const box = selected ? layout.steps.find((step) => step.id === selected) : undefined;
    if (!box) return;
    // After the panel beside the canvas has taken its room; a box that is in sight stays where it is.
    const frame = requestAnimationFrame(() => {
      const sight = pane.current?.getBoundingClientRect();
      const from = flowToScreenPosition({ x: box.x, y: box.y });
      const to = flowToScreenPosition({ x: box.x + nodeWidth, y: box.y + nodeHeight });
      if (sight && from.x >= sight.left && from.y >= sight.top && to.x <= sight.right && to.y <= sight.bottom - margin) return;
      void setCenter(box.x + nodeWidth / 2, box.y + nodeHeight / 2, { zoom: Math.max(getZoom(), isSmall ? 0.5 : 0), duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 200 });
    });
    return () => cancelAnimationFrame(frame);
    // Only when another step is selected: a change of the flow must not move the view.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected]);
  const drag = useCallback(
    (changes: NodeChange[]) => {
      for (const change of changes) {
        const index = change.type === "position" ? /^note (\d+)$/.exec(change.id)?.[1] : undefined;
        if (change.type !== "position" || index === undefined || !change.position) continue;
        setDragged({ index: Number(index), ...change.position });
      }
    },
    [],
  );
  const drop = () => {
    const note = dragged ? definition.notes?.[dragged.index] : undefined;
    if (dragged && note) onNote?.(dragged.index, { ...note, x: Math.round(dragged.x), y: Math.round(dragged.y) });
    setDragged(null);
  };
  const noteActions = useMemo(() => ({ change: (index: number, note: Note | null) => onNote?.(index, note) }), [onNote]);
  return (
    <Actions.Provider value={actions}>
      <NoteActions.Provider value={noteActions}>
        <div className="canvas" ref={pane}>
          <ReactFlow
            nodes={nodes}
            edges={noEdges}
            nodeTypes={nodeTypes}
            onNodesChange={onNote ? drag : undefined}
            onNodeDragStop={onNote ? drop : undefined}
            fitView
            fitViewOptions={first}
            minZoom={0.04}
            maxZoom={1.5}
            nodesConnectable={false}
            onlyRenderVisibleElements={nodes.length > mostAlwaysShown}
            proOptions={noBadge}
            panOnScroll
            deleteKeyCode={null}
            disableKeyboardA11y
          >
            <Lines layout={layout} />
            <Dots />
            <Controls showInteractive={false} fitViewOptions={fit} />
            {!isSmall && layout.steps.length > 8 && <Overview layout={layout} />}
          </ReactFlow>
        </div>
      </NoteActions.Provider>
    </Actions.Provider>
  );
}

// Past this many boxes only those in sight are in the page; below it all of them are reached by the Tab key, and by the arrow keys always.
const mostAlwaysShown = 200;
const margin = 60;
const restMs = 200;
// Pixels of the canvas: a flow that is taller than the first opens with what lies above the second.
const tallest = 2000;
const readable = 900;
const noEdges: Edge[] = [];
const fit = { maxZoom: 1, padding: 0.2 };
const noBadge = { hideAttribution: true };

/** While it moves the canvas is a layer of its own, so that a frame shifts what is drawn already; at rest it is not, so that text is sharp. */
function useMovingLayer(pane: RefObject<HTMLDivElement | null>) {
  const store = useStoreApi();
  useEffect(() => {
    let at = store.getState().transform;
    let rest: ReturnType<typeof setTimeout> | undefined;
    const end = store.subscribe(({ transform }) => {
      if (transform === at || transform.every((value, index) => value === at[index])) return;
      at = transform;
      pane.current?.classList.add("is-moving");
      clearTimeout(rest);
      rest = setTimeout(() => pane.current?.classList.remove("is-moving"), restMs);
    });
    return () => {
      end();
      clearTimeout(rest);
    };
  }, [store, pane]);
}

/** Gives back the node of the time before where nothing about it has changed, so that a keystroke in a flow of hundreds of steps draws one box. */
function useReused(): (nodes: Node[]) => Node[] {
  const before = useRef(new Map<string, Node>());
  return useCallback((nodes: Node[]) => {
    const now = new Map<string, Node>();
    for (const node of nodes) {
      const old = before.current.get(node.id);
      now.set(node.id, old && isSame(old, node) ? old : node);
    }
    before.current = now;
    return [...now.values()];
  }, []);
}

function isSame(a: Node, b: Node): boolean {
  if (a.type !== b.type || a.position.x !== b.position.x || a.position.y !== b.position.y || a.draggable !== b.draggable) return false;
  const keys = Object.keys(b.data);
  // The id of a + says its place.
  return keys.length === Object.keys(a.data).length && keys.every((key) => a.data[key] === b.data[key] || key === "place" || (key === "note" && JSON.stringify(a.data[key]) === JSON.stringify(b.data[key])));
}
