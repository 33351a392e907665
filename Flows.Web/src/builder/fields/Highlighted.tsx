import type { ExpressionError } from "../../api/testing";

interface Part {
  text: string;
  kind: "plain" | "chip" | "wrong";
}

/** The text in parts: what stands in braces, and the part that is wrong. */
export function partsOf(value: string, error?: ExpressionError | null): Part[] {
  const parts: Part[] = [];
  const wrong = error && typeof error.position === "number" && error.position < value.length ? { from: error.position, to: Math.min(value.length, error.position + Math.max(1, error.length ?? 1)) } : null;
  const cuts = new Set<number>([0, value.length]);
  const chips: [number, number][] = [];
  for (const match of value.matchAll(/\{\{[\s\S]*?\}\}/g)) {
    chips.push([match.index, match.index + match[0].length]);
    cuts.add(match.index).add(match.index + match[0].length);
  }
  if (wrong) cuts.add(wrong.from).add(wrong.to);
  const at = [...cuts].sort((a, b) => a - b);
  for (const [index, from] of at.entries()) {
    const to = at[index + 1];
    if (to === undefined || to === from) continue;
    const isWrong = wrong && from >= wrong.from && to <= wrong.to;
    parts.push({ text: value.slice(from, to), kind: isWrong ? "wrong" : chips.some(([start, end]) => from >= start && to <= end) ? "chip" : "plain" });
  }
  return parts;
}

/** Lies under a text field, letter on letter, and gives colour to what is an expression. The letters themselves are the field's. */
export function Highlighted({ value, error, scroll }: { value: string; error?: ExpressionError | null; scroll: number }) {
  return (
    <div className="highlighted" aria-hidden>
      <div style={{ transform: `translateY(${-scroll}px)` }}>
        {partsOf(value, error).map((part, index) => (
          <span key={index} className={part.kind}>
            {part.text}
          </span>
        ))}{" "}
      </div>
    </div>
  );
}
