import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pause, Play, Plus } from "lucide-react";
import { useState, type FormEvent } from "react";
import { chosenProject, get, patch, post, type Schemas } from "../api/client";
import { NameDialog } from "../flows/NameDialog";
import { text } from "../text";
import { when } from "../ui/format";
import { Button, CopyButton, Failure, Field, tell, tellError } from "../ui/ui";
import { useMe } from "./useMe";

type Project = Schemas["ProjectView"];

/** The project's name and limits, and the switch that holds its runs back. */
export function ProjectPage() {
  const me = useMe();
  const id = me.data?.project?.id;
  const project = useQuery({ queryKey: ["project", id], queryFn: () => get<Project>(`api/v1/projects/${id}`), enabled: id !== undefined });
  const [isNew, setNew] = useState(false);
  const may = (permission: string) => me.data?.permissions.includes(permission) ?? false;
  return (
    <main className="page narrow-page">
      <header className="page-head">
        <h1>{text.project.title}</h1>
        {me.data?.user && may("projects:create") && (
          <Button icon={<Plus size={16} />} onClick={() => setNew(true)}>
            {text.project.new}
          </Button>
        )}
      </header>
      {project.error && <Failure error={project.error} retry={() => void project.refetch()} />}
      {project.data && <ProjectForm key={project.data.id} project={project.data} mayChange={may("project:change")} />}
      {project.data && may("queue:operate") && <Hold />}
      {isNew && (
        <NameDialog
          title={text.project.new}
          name=""
          go={text.common.create}
          onClose={() => setNew(false)}
          onDone={async (name) => {
            const made = await post<Project>("api/v1/projects", { name });
            chosenProject.set(made.id);
            location.assign(document.baseURI);
          }}
        />
      )}
    </main>
  );
}

function ProjectForm({ project, mayChange }: { project: Project; mayChange: boolean }) {
  const client = useQueryClient();
  const [name, setName] = useState(project.name);
  const [runs, setRuns] = useState(String(project.concurrentRuns));
  const [problem, setProblem] = useState<unknown>(null);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await patch(`api/v1/projects/${project.id}`, { name: name.trim(), concurrentRuns: Number(runs) });
      setProblem(null);
      tell(text.project.saved);
      await Promise.all([client.invalidateQueries({ queryKey: ["project"] }), client.invalidateQueries({ queryKey: ["me"] })]);
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <form onSubmit={(event) => void save(event)}>
      <Field label={text.common.name}>{(id) => <input id={id} required maxLength={200} disabled={!mayChange} value={name} onChange={(event) => setName(event.target.value)} />}</Field>
      <Field label={text.project.concurrent} help={text.project.concurrentHelp}>
        {(id) => <input id={id} type="number" min={0} required disabled={!mayChange} value={runs} onChange={(event) => setRuns(event.target.value)} />}
      </Field>
      <p className="quiet">
        {text.project.id} <code>{project.id}</code> <CopyButton value={project.id} /> · {text.project.since} {when(project.createdAt)}
      </p>
      {problem !== null && <Failure error={problem} />}
      {mayChange && (
        <Button type="submit" tone="primary" disabled={name.trim() === "" || (name === project.name && runs === String(project.concurrentRuns))}>
          {text.common.save}
        </Button>
      )}
    </form>
  );
}

function Hold() {
  const client = useQueryClient();
  const queue = useQuery({ queryKey: ["dead"], queryFn: () => get<Schemas["DeadLetterList"]>("api/v1/system/queue/dead"), retry: false });
  if (!queue.data) return null;
  const { isPaused } = queue.data;
  return (
    <section>
      <h2 className="section">{text.project.hold}</h2>
      <p className="help">{isPaused ? text.project.held : text.project.holdHelp}</p>
      <Button icon={isPaused ? <Play size={16} /> : <Pause size={16} />} onClick={() => void post(`api/v1/system/queue/${isPaused ? "resume" : "pause"}`).then(() => client.invalidateQueries({ queryKey: ["dead"] }), tellError)}>
        {isPaused ? text.project.letGo : text.project.hold}
      </Button>
    </section>
  );
}
