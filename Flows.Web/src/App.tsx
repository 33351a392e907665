import { useQueryClient } from "@tanstack/react-query";
import { Activity, BookOpen, Braces, GitBranch, KeyRound, ListChecks, LogOut, Plug, ScrollText, Settings, Users } from "lucide-react";
import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from "react";
import { Navigate, NavLink, Outlet, Route, Routes } from "react-router";
import { addressOf, away, bringsSession, chosenProject, credentials, del, whenSignedOut } from "./api/client";
import { FlowsPage } from "./flows/FlowsPage";
import { RunsPage } from "./runs/RunsPage";
import { meQuery, useMe } from "./settings/useMe";
import { SignIn } from "./SignIn";
import { text } from "./text";
import { Failure, IconButton, tellError } from "./ui/ui";

// The lists of flows and of runs are what most people open first; the rest is fetched when it is opened. The canvas is the heavy part.
const BuilderPage = lazy(() => import("./builder/BuilderPage"));
const RunPage = lazy(() => import("./runs/RunPage"));
const ComparePage = lazy(() => import("./runs/ComparePage"));
const DeletedFlowsPage = lazy(() => import("./flows/DeletedFlowsPage").then((file) => ({ default: file.DeletedFlowsPage })));
const OperatePage = lazy(() => import("./operate/OperatePage").then((file) => ({ default: file.OperatePage })));
const ApiKeysPage = lazy(() => import("./settings/ApiKeysPage").then((file) => ({ default: file.ApiKeysPage })));
const AuditPage = lazy(() => import("./settings/AuditPage").then((file) => ({ default: file.AuditPage })));
const ConnectionsPage = lazy(() => import("./settings/ConnectionsPage").then((file) => ({ default: file.ConnectionsPage })));
const MembersPage = lazy(() => import("./settings/MembersPage").then((file) => ({ default: file.MembersPage })));
const ProjectPage = lazy(() => import("./settings/ProjectPage").then((file) => ({ default: file.ProjectPage })));
const VariablesPage = lazy(() => import("./settings/VariablesPage").then((file) => ({ default: file.VariablesPage })));

export function App() {
  const client = useQueryClient();
  // Null until it is known whether the session that the browser brings along is good. The server says in the page whether there is one.
  const [isSignedIn, setSignedIn] = useState<boolean | null>(() => (credentials.get() !== null ? true : bringsSession() ? null : false));
  useEffect(() => {
    whenSignedOut(() => setSignedIn(false));
    if (credentials.get() === null && bringsSession()) void client.fetchQuery(meQuery).then(() => setSignedIn(true), () => setSignedIn(false));
  }, [client]);
  const signOut = () => {
    const leave = () => {
      credentials.clear();
      chosenProject.clear();
      client.clear();
      setSignedIn(false);
    };
    // A key has no session to end.
    if (credentials.get() !== null) leave();
    else void del("api/v1/session").then(leave, tellError);
  };
  if (isSignedIn === null) return <p className="loading">{text.common.loading}</p>;
  if (!isSignedIn)
    return (
      <SignIn
        onDone={() => {
          client.clear();
          setSignedIn(true);
        }}
      />
    );
  return (
    <Routes>
      <Route element={<Shell signOut={signOut} />}>
        <Route index element={<Navigate to="/flows" replace />} />
        <Route path="flows" element={<FlowsPage />} />
        <Route path="runs" element={<RunsPage />} />
        <Route path="connections" element={<ConnectionsPage />} />
        <Route path="variables" element={<VariablesPage />} />
        <Route path="keys" element={<ApiKeysPage />} />
        <Route path="operate" element={<OperatePage />} />
        <Route path="members" element={<MembersPage />} />
        <Route path="audit" element={<AuditPage />} />
        <Route path="settings" element={<ProjectPage />} />
        <Route path="flows/deleted" element={<DeletedFlowsPage />} />
        <Route path="flows/:flowId" element={<BuilderPage />} />
        <Route path="runs/compare" element={<ComparePage />} />
        <Route path="runs/:runId" element={<RunPage />} />
        <Route path="*" element={<Navigate to="/flows" replace />} />
      </Route>
    </Routes>
  );
}

const links: { to: string; label: string; icon: typeof Users; needs?: string }[] = [
  { to: "/flows", label: text.nav.flows, icon: GitBranch },
  { to: "/runs", label: text.nav.runs, icon: ListChecks },
  { to: "/connections", label: text.nav.connections, icon: Plug },
  { to: "/variables", label: text.nav.variables, icon: Braces },
  { to: "/keys", label: text.nav.keys, icon: KeyRound, needs: "keys:manage" },
  { to: "/members", label: text.nav.members, icon: Users },
  { to: "/audit", label: text.nav.audit, icon: ScrollText, needs: "audit:read" },
  { to: "/settings", label: text.nav.settings, icon: Settings },
  { to: "/operate", label: text.nav.operate, icon: Activity },
];

const awayMs = 1500;

function Shell({ signOut }: { signOut: () => void }) {
  const client = useQueryClient();
  const me = useMe();
  const isAway = useSyncExternalStore(away.watch, away.get);
  // The banner must go when the API is back, also on a page that does not ask for anything; and what could not be read is read again.
  const ask = me.refetch;
  useEffect(() => {
    if (!isAway) return;
    const timer = setInterval(() => void ask(), awayMs);
    return () => {
      clearInterval(timer);
      void client.invalidateQueries();
    };
  }, [isAway, ask, client]);
  return (
    <div className="shell">
      <nav aria-label={text.app}>
        <NavLink to="/flows" className="brand">
          <img src={new URL("favicon.svg", document.baseURI).toString()} alt="" width={24} height={24} />
          {text.app}
        </NavLink>
        {links.filter(({ needs }) => !needs || me.data?.permissions.includes(needs)).map(({ to, label, icon: Icon }) => (
          <NavLink key={to} to={to} className="nav-link">
            <Icon size={18} aria-hidden />
            {label}
          </NavLink>
        ))}
        <a href={addressOf("docs")} className="nav-link nav-docs">
          <BookOpen size={18} aria-hidden />
          {text.nav.docs}
        </a>
        <footer>
          {me.data?.user && me.data.projects.length > 1 ? (
            <select
              aria-label={text.nav.project}
              value={me.data.project?.id ?? ""}
              onChange={(event) => {
                chosenProject.set(event.target.value);
                client.clear();
                location.assign(document.baseURI);
              }}
            >
              {!me.data.project && <option value="">{text.nav.chooseProject}</option>}
              {me.data.projects.map((project) => (
                <option key={project.id} value={project.id}>
                  {project.name}
                </option>
              ))}
            </select>
          ) : (
            <span title={me.data?.user?.email ?? me.data?.key?.name}>{me.data?.project?.name}</span>
          )}
          <IconButton label={text.nav.signOut} onClick={signOut}>
            <LogOut size={16} />
          </IconButton>
        </footer>
      </nav>
      <div className="content">
        {isAway && <Failure error={new Error(text.errors.away)} />}
        <Suspense fallback={<p className="loading">{text.common.loading}</p>}>
          <Outlet />
        </Suspense>
      </div>
    </div>
  );
}
