import { text } from "../text";

/** Which item of each loop is shown; with none chosen, all of them. */
export function Items({ items, chosen, onChoose }: { items: Map<string, number[]>; chosen: ReadonlyMap<string, number>; onChoose: (chosen: ReadonlyMap<string, number>) => void }) {
  // A loop within a loop has items only once the item around it is chosen.
  const shown = [...items].filter(([loop]) => [...loop.matchAll(/([^\s]*?[A-Za-z_]\w*)\[(\d+)\]\./g)].every((match) => chosen.get(loop.slice(0, match.index + match[0].indexOf("["))) === Number(match[2])));
  if (shown.length === 0) return null;
  return (
    <div className="items">
      {shown.map(([loop, indexes]) => (
        <label key={loop}>
          <code>{loop}</code>
          <select
            value={chosen.get(loop) ?? ""}
            onChange={(event) => {
              // What was chosen inside another item means nothing in this one.
              const next = new Map([...chosen].filter(([other]) => other !== loop && !other.startsWith(`${loop}[`)));
              if (event.target.value !== "") next.set(loop, Number(event.target.value));
              onChoose(next);
            }}
          >
            <option value="">{text.run.allItems(indexes.length)}</option>
            {indexes.slice(0, 1000).map((index) => (
              <option key={index} value={index}>
                {text.run.item(index)}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  );
}
