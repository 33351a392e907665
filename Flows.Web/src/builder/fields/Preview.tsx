import { text } from "../../text";
import { show } from "../../ui/format";
import type { Preview as Result } from "../previewBoard";

const mostShown = 300;

/** What an expression gives on the sample data, below its field. */
export function Preview({ result, missing = [] }: { result: Result; missing?: string[] }) {
  if (!result) return null;
  if (result.error && missing.length > 0) return <p className="help">{text.build.needsSample(missing.join(", "))}</p>;
  if (result.error)
    return (
      <p className="preview wrong" role="status">
        {result.error.message}
        {typeof result.error.position === "number" && <span className="quiet"> {text.build.atCharacter(result.error.position + 1)}</span>}
      </p>
    );
  return <Shown value={result.value} kind={result.type} />;
}

export function Shown({ value, kind }: { value: unknown; kind?: string }) {
  const whole = typeof value === "string" ? value : value !== null && typeof value === "object" ? JSON.stringify(value) : show(value);
  return (
    <p className="preview" role="status">
      <span className="quiet" aria-hidden>
        ={" "}
      </span>
      <span className="preview-value" title={whole.slice(0, 2000)}>
        {whole === "" ? text.build.emptyText : whole.slice(0, mostShown)}
        {whole.length > mostShown && "…"}
      </span>{" "}
      {kind && <small className="quiet">{kind}</small>}
    </p>
  );
}
