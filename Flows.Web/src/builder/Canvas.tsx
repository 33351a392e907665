import { Background, Controls, Handle, MiniMap, Position, ReactFlow, ReactFlowProvider, useReactFlow, ViewportPortal, type Edge, type Node, type NodeProps } from "@xyflow/react";
import { AlertTriangle, Braces, CircleStop, Clock, Code2, GitBranch, MessageSquareReply, Plus, Puzzle, Repeat, Workflow, Zap } from "lucide-react";
import { createContext, memo, useContext, useEffect, useMemo, useRef } from "react";
import type { Definition, Place, Step } from "../flow/definition";
import { layOut, nodeHeight, nodeWidth, type Layout } from "../flow/layout";
import type { Tone } from "../runs/status";
import { text } from "../text";

/** What a box on the canvas shows besides its step: problems in the builder, states in a run. */
export interface StepNote {
  tone?: Tone;
  text?: string;
  hasProblem?: boolean;
}

interface CanvasActions {
  select: (id: string) => void;
  add?: (place: Place) => void;
  move?: (name: string, to: Place) => void;
}

const Actions = createContext<CanvasActions>({ select: () => {} });

const icons = { action: Puzzle, code: Code2, router: GitBranch, loop: Repeat, wait: Clock, call: Workflow, respond: MessageSquareReply, stop: CircleStop };

type StepNode = Node<{ step?: Step; title: string; kind: string; isSelected: boolean; note?: StepNote; isEditable: boolean }, "step">;
type AddNode = Node<{ place: Place; isOnly: boolean }, "add">;
type LabelNode = Node<{ text: string; tone: string }, "label">;

const StepBox = memo(function StepBox({ id, data }: NodeProps<StepNode>) {
  const { select } = useContext(Actions);
  const Icon = data.step ? (icons[data.step.kind] ?? Braces) : Zap;
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <button
        type="button"
        className={`step-box ${data.isSelected ? "selected" : ""} ${data.note?.tone ?? ""} ${data.step?.skip ? "skipped" : ""}`}
        draggable={data.isEditable && Boolean(data.step)}
        onDragStart={(event) => event.dataTransfer.setData("application/x-flows-step", id)}
        onClick={() => select(id)}
        aria-label={`${data.title}, ${data.kind}${data.note?.text ? `, ${data.note.text}` : ""}${data.note?.hasProblem ? ", has a problem" : ""}`}
        aria-pressed={data.isSelected}
      >
        <span className="step-icon">
          <Icon size={18} aria-hidden />
        </span>
        <span className="step-words">
          <b>{data.title}</b>
          <small>{data.note?.text ?? data.kind}</small>
        </span>
        {data.note?.hasProblem && <AlertTriangle size={16} className="step-problem" aria-hidden />}
      </button>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </>
  );
});

const AddBox = memo(function AddBox({ data }: NodeProps<AddNode>) {
  const { add, move } = useContext(Actions);
  if (!add) return null;
  return (
    <button
      type="button"
      className="add-box nodrag"
      aria-label={text.builder.addStep}
      title={text.builder.addStep}
      onClick={() => add(data.place)}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const name = event.dataTransfer.getData("application/x-flows-step");
        if (name) move?.(name, data.place);
      }}
    >
      <Plus size={14} />
    </button>
  );
});

const LabelBox = memo(function LabelBox({ data }: NodeProps<LabelNode>) {
  return <span className={`lane-label ${data.tone}`}>{data.text}</span>;
});

const nodeTypes = { step: StepBox, add: AddBox, label: LabelBox };

interface CanvasProps {
  definition: Definition;
  titles: (step: Step | null) => { title: string; kind: string };
  notes: ReadonlyMap<string, StepNote>;
  selected: string | null;
  actions: CanvasActions;
}

export function Canvas(props: CanvasProps) {
  return (
    <ReactFlowProvider>
      <Inner {...props} />
    </ReactFlowProvider>
  );
}

function Inner({ definition, titles, notes, selected, actions }: CanvasProps) {
  const layout = useMemo(() => layOut(definition), [definition]);
  const nodes = useMemo<Node[]>(() => {
    // A node that nobody can select or drag takes no clicks, unless it is told to: the buttons in it do.
    const still = { draggable: false, selectable: false, focusable: false, style: { pointerEvents: "all" as const } };
    return [
      ...layout.steps.map((box) => ({
        ...still,
        id: box.id,
        type: "step",
        position: { x: box.x, y: box.y },
        width: nodeWidth,
        height: nodeHeight,
        data: { step: box.step, ...titles(box.step ?? null), isSelected: selected === box.id, note: notes.get(box.id), isEditable: Boolean(actions.move) },
      })),
      ...(actions.add ? layout.adds.map((add) => ({ ...still, id: `add ${add.id}`, type: "add", position: { x: add.x - 12, y: add.y - 12 }, width: 24, height: 24, data: { place: add.place, isOnly: add.isOnly } })) : []),
      ...layout.labels.map((label) => ({ ...still, id: `label ${label.id}`, type: "label", position: { x: label.x - 100, y: label.y - 12 }, width: 200, height: 24, data: { text: label.text, tone: label.tone } })),
    ];
  }, [layout, titles, notes, selected, actions]);
  const { setCenter, getZoom, flowToScreenPosition } = useReactFlow();
  const pane = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = selected ? layout.steps.find((step) => step.id === selected) : undefined;
    if (!box) return;
    // After the panel beside the canvas has taken its room; a box that is in sight stays where it is.
    const frame = requestAnimationFrame(() => {
      const sight = pane.current?.getBoundingClientRect();
      const from = flowToScreenPosition({ x: box.x, y: box.y });
      const to = flowToScreenPosition({ x: box.x + nodeWidth, y: box.y + nodeHeight });
      if (sight && from.x >= sight.left && from.y >= sight.top && to.x <= sight.right && to.y <= sight.bottom - margin) return;
      void setCenter(box.x + nodeWidth / 2, box.y + nodeHeight / 2, { zoom: getZoom(), duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 200 });
    });
    return () => cancelAnimationFrame(frame);
    // Only when another step is selected: a change of the flow must not move the view.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected]);
  return (
    <Actions.Provider value={actions}>
      <div className="canvas" ref={pane}>
        <ReactFlow nodes={nodes} edges={noEdges} nodeTypes={nodeTypes} fitView fitViewOptions={{ maxZoom: 1, padding: 0.2 }} minZoom={0.1} maxZoom={1.5} nodesConnectable={false} onlyRenderVisibleElements={nodes.length > mostAlwaysShown} proOptions={{ hideAttribution: true }} panOnScroll>
          <Lines layout={layout} />
          <Background gap={24} />
          <Controls showInteractive={false} />
          {layout.steps.length > 8 && <MiniMap pannable zoomable ariaLabel="Map of the flow" nodeStrokeWidth={0} nodeColor={(node) => (node.type === "step" ? "var(--accent)" : "transparent")} />}
        </ReactFlow>
      </div>
    </Actions.Provider>
  );
}

// Past this many boxes only those in sight are in the page; below it all of them are reached by the Tab key.
const mostAlwaysShown = 200;
const margin = 60;
const noEdges: Edge[] = [];

// Drawn by hand under the boxes: they follow from the layout, nobody drags them, and hundreds of them cost one element.
function Lines({ layout }: { layout: Layout }) {
  const path = useMemo(() => layout.lines.map((line) => rounded(line.points)).join(" "), [layout]);
  return (
    <ViewportPortal>
      <svg className="lines" width={Math.max(1, layout.width)} height={Math.max(1, layout.height)} aria-hidden>
        <path d={path} />
      </svg>
    </ViewportPortal>
  );
}

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
