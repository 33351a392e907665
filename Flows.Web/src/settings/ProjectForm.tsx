import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { addressOf, patch, query, type Schemas } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { Button, CopyButton, Failure, Field, tell } from "../ui/ui";
import { helpOf, limits, problemOf, uncertainPolicies, valuesOf, type Limit } from "./projectLimits";

type Project = Schemas["ProjectView"];

/** The project's name, its limits and defaults, and whether something may be broken in it on purpose. Only what was changed is sent, so that two people who change different things both have their way. */
export function ProjectForm({ project, mayChange, mayOperate }: { project: Project; mayChange: boolean; mayOperate: boolean }) {
  const client = useQueryClient();
  const [name, setName] = useState(project.name);
  const [values, setValues] = useState(() => valuesOf(project));
  const [onUncertain, setUncertain] = useState(project.onUncertain);
  const [isTest, setTest] = useState(project.isTest);
  const [problem, setProblem] = useState<unknown>(null);
  const stored = valuesOf(project);
  const changed: Record<string, unknown> = {
    ...(name.trim() === project.name ? {} : { name: name.trim() }),
    ...Object.fromEntries(limits.filter((limit) => values[limit.name].trim() !== stored[limit.name]).map((limit) => [limit.name, Number(values[limit.name])])),
    ...(onUncertain === project.onUncertain ? {} : { onUncertain }),
    ...(isTest === project.isTest ? {} : { isTest }),
  };
  const problemWith = (limit: Limit) => problemOf(limit, values[limit.name], project.ceilings, stored[limit.name]);
  const isWrong = name.trim() === "" || limits.some((limit) => problemWith(limit) !== null);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (isWrong) return;
    try {
      await patch(`api/v1/projects/${project.id}`, changed);
      setProblem(null);
      tell(text.project.saved);
      await Promise.all([client.invalidateQueries({ queryKey: ["project"] }), client.invalidateQueries({ queryKey: ["me"] })]);
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <form noValidate onSubmit={(event) => void save(event)}>
      <Field label={text.common.name}>{(id) => <input id={id} required maxLength={200} disabled={!mayChange} value={name} onChange={(event) => setName(event.target.value)} />}</Field>
      <h2 className="section">{text.project.limits}</h2>
      {limits.map((limit) => (
        <Field key={limit.name} label={limit.label} help={helpOf(limit, project)} error={problemWith(limit)}>
          {(id) => (
            <input
              id={id}
              inputMode="numeric"
              required
              disabled={!mayChange}
              aria-invalid={problemWith(limit) !== null}
              value={values[limit.name]}
              onChange={(event) => setValues({ ...values, [limit.name]: event.target.value })}
            />
          )}
        </Field>
      ))}
      <h2 className="section">{text.project.defaults}</h2>
      <Field label={text.project.uncertain} help={`${text.project.uncertainHelp} ${text.project.uncertainMeans[onUncertain]}`}>
        {(id) => (
          <select id={id} disabled={!mayChange} value={onUncertain} onChange={(event) => setUncertain(event.target.value as Project["onUncertain"])}>
            {uncertainPolicies.map((policy) => (
              <option key={policy} value={policy}>
                {text.builder.uncertainOf[policy]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={text.project.test} help={text.project.testHelp}>
        {(id) => <input id={id} type="checkbox" role="switch" disabled={!mayChange} checked={isTest} onChange={(event) => setTest(event.target.checked)} />}
      </Field>
      {project.isTest && mayOperate && (
        <p>
          <a href={addressOf(`admin/chaos${query({ project: project.id })}`)}>{text.project.toChaos}</a>
        </p>
      )}
      <p className="quiet">
        {text.project.id} <code>{project.id}</code> <CopyButton value={project.id} /> · {text.project.since} {when(project.createdAt)}
      </p>
      {problem !== null && <Failure error={problem} />}
      {mayChange && (
        <Button type="submit" tone="primary" disabled={isWrong || Object.keys(changed).length === 0}>
          {text.common.save}
        </Button>
      )}
    </form>
  );
}
