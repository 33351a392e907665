import type { Step } from "../../flow/definition";
import { uncertainPolicies } from "../../settings/projectLimits";
import { useProject } from "../../settings/useProject";
import { text } from "../../text";
import { Field } from "../../ui/ui";
import type { Change } from "./KindFields";

/** What becomes of the step when it fails, takes long, or may have happened. */
export function ErrorFields({ step, set, problemOf }: { step: Step } & Change) {
  const project = useProject();
  const canRetry = step.kind === "action" || step.kind === "code" || step.kind === "call";
  const onError = typeof step.onError === "object" ? "branch" : (step.onError ?? "stop");
  const retry = (field: string, value: unknown) => {
    const next = { ...(step.retry ?? {}), [field]: value };
    set("retry", value === undefined && Object.keys(next).length <= 1 ? undefined : next);
  };
  return (
    <details className="advanced">
      <summary>{text.builder.advanced}</summary>
      <Field label={text.builder.onError} error={problemOf("onError")}>
        {(id) => (
          <select
            id={id}
            value={onError}
            onChange={(event) => set("onError", event.target.value === "branch" ? { steps: [] } : event.target.value === "stop" ? undefined : event.target.value)}
          >
            <option value="stop">{text.builder.stop}</option>
            <option value="continue">{text.builder.continue}</option>
            <option value="branch">{text.builder.branch}</option>
          </select>
        )}
      </Field>
      {canRetry && (
        <>
          <Field label={text.builder.attempts} error={problemOf("retry")}>
            {(id) => (
              <input
                id={id}
                type="number"
                min={1}
                max={20}
                value={step.retry ? (step.retry.attempts ?? 3) : 1}
                onChange={(event) => (event.target.valueAsNumber > 1 ? retry("attempts", event.target.valueAsNumber) : set("retry", undefined))}
              />
            )}
          </Field>
          {step.retry && (
            <>
              <Field label={text.builder.delay}>{(id) => <input id={id} placeholder="00:00:02" value={step.retry?.delay ?? ""} onChange={(event) => retry("delay", event.target.value || undefined)} />}</Field>
              <Field label={text.builder.backoff}>
                {(id) => <input id={id} type="number" min={1} max={10} step={0.5} value={step.retry?.backoff ?? 2} onChange={(event) => retry("backoff", event.target.valueAsNumber || undefined)} />}
              </Field>
            </>
          )}
          <Field label={text.builder.timeout} error={problemOf("timeout")}>
            {(id) => <input id={id} placeholder="00:01:00" value={step.timeout ?? ""} onChange={(event) => set("timeout", event.target.value || undefined)} />}
          </Field>
          <Field label={text.builder.uncertain} error={problemOf("onUncertain")}>
            {(id) => (
              <select id={id} value={step.onUncertain ?? ""} onChange={(event) => set("onUncertain", event.target.value || undefined)}>
                <option value="">{text.builder.asProject(project.data && text.builder.uncertainOf[project.data.onUncertain])}</option>
                {uncertainPolicies.map((policy) => (
                  <option key={policy} value={policy}>
                    {text.builder.uncertainOf[policy]}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </>
      )}
      <Field label={text.builder.skip}>{(id) => <input id={id} type="checkbox" checked={step.skip === true} onChange={(event) => set("skip", event.target.checked || undefined)} />}</Field>
    </details>
  );
}
