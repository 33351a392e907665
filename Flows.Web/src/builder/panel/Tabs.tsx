import { text } from "../../text";

export type Side = "settings" | "test";

/** What the panel is about: how the step is set up, or what it does. */
export function SideTabs({ side, onSide }: { side: Side; onSide: (side: Side) => void }) {
  const tabs: [Side, string][] = [["settings", text.build.settings], ["test", text.builder.test]];
  return (
    <div className="side-tabs" role="tablist" aria-label={text.build.panelAbout}>
      {tabs.map(([name, label]) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={side === name}
          tabIndex={side === name ? 0 : -1}
          onClick={() => onSide(name)}
          onKeyDown={(event) => {
            if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
            onSide(name === "settings" ? "test" : "settings");
            (event.currentTarget.parentElement?.querySelector<HTMLElement>(`[role=tab]:not([aria-selected=true])`))?.focus();
          }}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
