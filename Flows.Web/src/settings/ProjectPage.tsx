import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Download, Pause, Play, Plus } from "lucide-react";
import { useState } from "react";
import { chosenProject, get, post, save, type Schemas } from "../api/client";
import { NameDialog } from "../flows/NameDialog";
import { text } from "../text";
import { Button, Failure, tellError } from "../ui/ui";
import { ProjectForm } from "./ProjectForm";
import { useMe } from "./useMe";
import { useProject } from "./useProject";

type Project = Schemas["ProjectView"];

/** The project's name, limits and defaults, and the switch that holds its runs back. */
export function ProjectPage() {
  const me = useMe();
  const project = useProject();
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
      {project.data && <ProjectForm key={project.data.id} project={project.data} mayChange={may("project:change")} mayOperate={may("queue:operate")} />}
      {project.data && may("queue:operate") && <Hold />}
      {project.data && may("flows:read") && may("variables:read") && may("connections:read") && <Export project={project.data} />}
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

function Export({ project }: { project: Project }) {
  const go = async () =>
    save(new Blob([JSON.stringify(await get<unknown>(`api/v1/projects/${project.id}/export`), null, 2)], { type: "application/json" }), `${project.name.replace(/[^\w-]+/g, "-") || "project"}.project.json`);
  return (
    <section>
      <h2 className="section">{text.project.export}</h2>
      <p className="help">{text.project.exportHelp}</p>
      <Button icon={<Download size={16} />} onClick={() => void go().catch(tellError)}>
        {text.project.export}
      </Button>
    </section>
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
