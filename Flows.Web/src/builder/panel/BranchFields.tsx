import { ArrowDown, ArrowUp, Trash2 } from "lucide-react";
import type { Branch, Step } from "../../flow/definition";
import { text } from "../../text";
import { Field, IconButton } from "../../ui/ui";
import { ConditionEditor } from "./ConditionEditor";
import type { Change } from "./KindFields";

export function BranchFields({ step, set, problemOf }: { step: Step } & Change) {
  const branches = step.branches ?? [];
  const change = (index: number, next: object | null) => set("branches", branches.flatMap((branch, at) => (at !== index ? [branch] : next === null ? [] : [{ ...branch, ...next }])));
  const swap = (a: number, b: number) =>
    set("branches", branches.map((branch, at) => (at === a ? (branches[b] as Branch) : at === b ? (branches[a] as Branch) : branch)));
  const add = () => {
    const taken = new Set(branches.map((branch) => branch.name));
    let number = branches.length + 1;
    while (taken.has(`Branch ${number}`)) number++;
    const branch = { name: `Branch ${number}`, when: "{{true}}", steps: [] };
    const last = branches.at(-1);
    set("branches", last?.otherwise ? [...branches.slice(0, -1), branch, last] : [...branches, branch]);
  };
  const hasOtherwise = branches.some((branch) => branch.otherwise);
  const problem = problemOf("branches");
  return (
    <fieldset className="branches">
      <legend>{text.builder.branches}</legend>
      {branches.map((branch, index) => (
        <div key={index} className="branch">
          <div className="row">
            <input aria-label={`${text.common.name} ${index + 1}`} value={branch.name} onChange={(event) => change(index, { name: event.target.value })} />
            <IconButton label={`${text.builder.moveUp}: ${branch.name}`} onClick={() => swap(index, index - 1)} disabled={index === 0 || branch.otherwise}>
              <ArrowUp size={15} />
            </IconButton>
            <IconButton label={`${text.builder.moveDown}: ${branch.name}`} onClick={() => swap(index, index + 1)} disabled={branch.otherwise || index >= branches.length - 1 || branches[index + 1]?.otherwise}>
              <ArrowDown size={15} />
            </IconButton>
            <IconButton label={`${text.common.remove} ${branch.name}`} onClick={() => change(index, null)} disabled={branches.length <= 1}>
              <Trash2 size={16} />
            </IconButton>
          </div>
          {branch.otherwise ? (
            <p className="help">{text.builder.otherwise}</p>
          ) : (
            <Field label={text.builder.when} error={problemOf(`branches[${index}].when`)}>
              {(id) => <ConditionEditor id={id} label={text.builder.when} when={branch.when} onChange={(when) => change(index, { when })} />}
            </Field>
          )}
          {problemOf(`branches[${index}].name`) && <p className="problem">{problemOf(`branches[${index}].name`)}</p>}
        </div>
      ))}
      {problem && !branches.some((_, index) => problemOf(`branches[${index}]`)) && <p className="problem">{problem}</p>}
      <div className="row">
        <button type="button" className="link" onClick={add}>
          {text.builder.addBranch}
        </button>
        {!hasOtherwise && (
          <button type="button" className="link" onClick={() => set("branches", [...branches, { name: "Otherwise", otherwise: true, steps: [] }])}>
            {text.build.addOtherwise}
          </button>
        )}
      </div>
    </fieldset>
  );
}
