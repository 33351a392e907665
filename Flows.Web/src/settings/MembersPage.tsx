import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState, type FormEvent } from "react";
import { del, get, patch, post, type Schemas } from "../api/client";
import { text } from "../text";
import { when } from "../ui/format";
import { Button, CopyButton, Dialog, Failure, Field, IconButton, tell, tellError } from "../ui/ui";
import { useMe } from "./useMe";

type Role = NonNullable<Schemas["Role"]>;
const roles: Role[] = ["Owner", "Admin", "Editor", "Operator", "Viewer"];

/** Who belongs to the project, and the links by which others may join. */
export function MembersPage() {
  const client = useQueryClient();
  const me = useMe();
  const project = me.data?.project?.id;
  const mayEdit = me.data?.permissions.includes("members:manage") ?? false;
  const members = useQuery({ queryKey: ["members", project], queryFn: () => get<Schemas["MemberList"]>(`api/v1/projects/${project}/members`), enabled: project !== undefined });
  const invitations = useQuery({
    queryKey: ["invitations", project],
    queryFn: () => get<Schemas["InvitationList"]>(`api/v1/projects/${project}/invitations`),
    enabled: project !== undefined && mayEdit,
  });
  const [isInviting, setInviting] = useState(false);
  const [removed, setRemoved] = useState<Schemas["MemberView"] | null>(null);
  const refresh = () => Promise.all([client.invalidateQueries({ queryKey: ["members"] }), client.invalidateQueries({ queryKey: ["invitations"] })]);
  const act = (action: Promise<unknown>, done: string) => void action.then(() => tell(done), tellError).then(refresh);
  return (
    <main className="page">
      <header className="page-head">
        <h1>{text.members.title}</h1>
        {mayEdit && (
          <Button tone="primary" icon={<Plus size={16} />} onClick={() => setInviting(true)}>
            {text.members.invite}
          </Button>
        )}
      </header>
      {members.error && <Failure error={members.error} retry={() => void members.refetch()} />}
      <ul className="cards">
        {members.data?.items.map((member) => (
          <li key={member.userId} className="card">
            <span className="card-title">{member.name}</span>
            <span className="cut">{member.email}</span>
            <span className="quiet">{when(member.since)}</span>
            <select
              aria-label={`${text.members.role}: ${member.name}`}
              disabled={!mayEdit}
              value={member.role ?? "Viewer"}
              onChange={(event) => act(patch(`api/v1/projects/${project}/members/${member.userId}`, { role: event.target.value }), text.members.changed)}
            >
              {roles.map((role) => (
                <option key={role}>{role}</option>
              ))}
            </select>
            {mayEdit && (
              <IconButton label={`${text.common.remove} ${member.name}`} onClick={() => setRemoved(member)}>
                <Trash2 size={16} />
              </IconButton>
            )}
          </li>
        ))}
      </ul>
      {(invitations.data?.items.length ?? 0) > 0 && (
        <>
          <h2 className="section">{text.members.invitations}</h2>
          <ul className="cards">
            {invitations.data?.items.map((invitation) => (
              <li key={invitation.id} className="card">
                <span className="card-title">{invitation.email ?? text.members.anybody}</span>
                <span className="badge">{invitation.role}</span>
                <span className="quiet">
                  {text.members.until} {when(invitation.expiresAt)}
                </span>
                <IconButton label={`${text.common.remove} ${invitation.email ?? invitation.role}`} onClick={() => act(del(`api/v1/projects/${project}/invitations/${invitation.id}`), text.members.revoked)}>
                  <Trash2 size={16} />
                </IconButton>
              </li>
            ))}
          </ul>
        </>
      )}
      {isInviting && project && <InviteDialog project={project} onClose={() => setInviting(false)} onMade={() => void refresh()} />}
      {removed && (
        <Dialog title={removed.name} help={text.members.removeQuestion} onClose={() => setRemoved(null)}>
          <div className="dialog-actions">
            <Button onClick={() => setRemoved(null)}>{text.common.cancel}</Button>
            <Button
              tone="danger"
              onClick={() => {
                act(del(`api/v1/projects/${project}/members/${removed.userId}`), text.members.gone);
                setRemoved(null);
              }}
            >
              {text.common.remove}
            </Button>
          </div>
        </Dialog>
      )}
    </main>
  );
}

function InviteDialog({ project, onClose, onMade }: { project: string; onClose: () => void; onMade: () => void }) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("Editor");
  const [problem, setProblem] = useState<string | null>(null);
  const [made, setMade] = useState<Schemas["NewInvitation"] | null>(null);
  const go = async (event: FormEvent) => {
    event.preventDefault();
    try {
      setMade(await post<Schemas["NewInvitation"]>(`api/v1/projects/${project}/invitations`, { role, email: email.trim() || null }));
      onMade();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  if (made)
    return (
      <Dialog title={text.members.invite} help={text.members.linkHelp} onClose={onClose}>
        <p className="secret">
          <code>{made.link}</code>
          <CopyButton value={made.link} />
        </p>
      </Dialog>
    );
  return (
    <Dialog title={text.members.invite} help={text.members.inviteHelp} onClose={onClose}>
      <form onSubmit={(event) => void go(event)}>
        <Field label={text.members.email} error={problem}>{(id) => <input id={id} type="email" autoFocus maxLength={254} value={email} onChange={(event) => setEmail(event.target.value)} />}</Field>
        <Field label={text.members.role}>
          {(id) => (
            <select id={id} value={role} onChange={(event) => setRole(event.target.value as Role)}>
              {roles.map((item) => (
                <option key={item}>{item}</option>
              ))}
            </select>
          )}
        </Field>
        <div className="dialog-actions">
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="submit" tone="primary">
            {text.members.makeLink}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
