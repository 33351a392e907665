"use strict";
const token = document.querySelector('meta[name="flows-token"]').content;
const byId = id => document.getElementById(id);
const mostLines = 2000;

let resources = [];
let chosen = null; // { resource, replica }: replica is null when the whole resource is meant
let logStream = null;
let lines = [];

/** Makes an element; text is always text, never markup: names and log lines come from anywhere. */
function make(tag, { text, className, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function moodOf(replica) {
  if (["FailedToStart", "Exited"].includes(replica.state)) return "bad";
  if (replica.state === "Running") return replica.health === "Healthy" ? "good" : "busy";
  return ["Starting", "Waiting", "Stopping"].includes(replica.state) ? "busy" : "";
}

function stateText(replica) {
  const words = { FailedToStart: "Failed to start", NotStarted: "Not started", Finished: "Stopped", Exited: "Crashed" };
  if (replica.state === "Running") return replica.health === "Healthy" ? "Healthy" : "Running";
  const exit = replica.state === "Exited" && replica.exitCode !== null ? ` (code ${replica.exitCode})` : "";
  return (words[replica.state] ?? replica.state) + exit;
}

/** The state to show for several replicas: the worst of them. */
function worst(replicas) {
  const rank = { bad: 3, busy: 2, "": 1, good: 0 };
  return [...replicas].sort((a, b) => rank[moodOf(b)] - rank[moodOf(a)])[0];
}

function stateCell(replica, prefix = "") {
  const cell = make("td", {}, make("span", { className: `state ${moodOf(replica)}`, text: prefix + stateText(replica) }));
  if (replica.problem && moodOf(replica) !== "good") cell.append(make("span", { className: "problem", text: replica.problem }));
  return cell;
}

function since(replica) {
  if (!replica.startedAt || replica.pid === null) return "";
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(replica.startedAt)) / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function commandCell(replicas) {
  const runs = replicas.some(replica => ["Running", "Starting", "Exited"].includes(replica.state));
  const stopped = replicas.some(replica => ["Finished", "FailedToStart"].includes(replica.state));
  const button = (text, command, enabled) => make("button", {
    text, disabled: enabled ? null : "", onclick: event => { event.stopPropagation(); send(replicas, command); },
  });
  return make("td", { className: "commands" },
    stopped && !runs ? button("Start", "start", true) : button("Stop", "stop", runs), button("Restart", "restart", runs));
}

async function send(replicas, command) {
  const answers = await Promise.allSettled(replicas.map(replica =>
    fetch(`/api/replicas/${encodeURIComponent(replica.id)}/${command}`, { method: "POST", headers: { "X-Flows-Token": token } })));
  const refused = answers.find(answer => answer.status === "rejected" || !answer.value.ok);
  if (refused) toast(refused.value?.status === 403 ? "The application has been started anew: reload this page." : `That did not work (${command}).`);
}

function toast(text) {
  byId("toast").textContent = text;
  byId("toast").hidden = false;
  setTimeout(() => { byId("toast").hidden = true; }, 5000);
}

function endpointCell(urls) {
  const cell = make("td");
  urls.forEach((url, index) => {
    if (index) cell.append(" ");
    cell.append(url.url.startsWith("http") ? make("a", { href: url.url, target: "_blank", rel: "noreferrer", text: url.url.replace("http://", ""), onclick: event => event.stopPropagation() })
      : make("code", { className: "quiet", text: url.url.replace("tcp://", "") }));
  });
  return cell;
}

function row(resource, replica, cells, className) {
  const isChosen = chosen?.resource === resource.name && chosen.replica === (replica?.id ?? null);
  const choose = () => select(resource.name, replica?.id ?? null);
  return make("tr", {
    className, tabindex: 0, "aria-selected": isChosen, onclick: choose,
    onkeydown: event => { if (event.key === "Enter" && event.target === event.currentTarget) choose(); },
  }, ...cells);
}

function restartsText(replicas) {
  const count = replicas.reduce((sum, replica) => sum + replica.restarts, 0);
  return count ? String(count) : "";
}

function render() {
  const shown = resources.filter(resource => resource.type !== "Parameter");
  const focused = document.activeElement?.closest("#rows") ? [...byId("rows").children].indexOf(document.activeElement.closest("tr")) : -1;
  const rows = [];
  for (const resource of shown) {
    const { replicas } = resource;
    const several = replicas.length > 1;
    const healthy = replicas.filter(replica => moodOf(replica) === "good").length;
    const isProcess = resource.type !== "Database" && replicas.some(replica => replica.id !== resource.name);
    rows.push(row(resource, null, [
      make("td", {}, make("span", { className: "name", text: resource.name }), make("span", { className: "kind", text: several ? `${resource.type} × ${replicas.length}` : resource.type })),
      stateCell(worst(replicas), several && healthy < replicas.length ? `${healthy} of ${replicas.length} healthy · ` : ""),
      endpointCell(resource.urls),
      make("td", { className: "number", text: several ? "" : replicas[0].pid ?? "" }),
      make("td", { className: "number", text: restartsText(replicas) }),
      make("td", { className: "quiet", text: several ? "" : since(replicas[0]) }),
      isProcess ? commandCell(replicas) : make("td"),
    ]));
    if (!several) continue;
    for (const replica of replicas) {
      rows.push(row(resource, replica, [
        make("td", { text: replica.id }), stateCell(replica), make("td"),
        make("td", { className: "number", text: replica.pid ?? "" }),
        make("td", { className: "number", text: restartsText([replica]) }),
        make("td", { className: "quiet", text: since(replica) }),
        commandCell([replica]),
      ], "replica"));
    }
  }
  byId("rows").replaceChildren(...rows);
  if (focused >= 0) rows[focused]?.focus();
  renderParameters();

  const all = shown.flatMap(resource => resource.replicas);
  const good = all.filter(replica => moodOf(replica) === "good").length;
  byId("summary").replaceChildren(make("b", { text: `${good} of ${all.length}` }), " healthy");
  document.title = good === all.length ? "Flows · development" : `(${good}/${all.length}) Flows · development`;
  if (!chosen && shown.length) selectFirst(shown);
}

function renderParameters() {
  const parameters = resources.filter(resource => resource.type === "Parameter");
  byId("parameters").hidden = parameters.length === 0;
  byId("parameters").querySelector("summary").textContent = `${parameters.length} parameters`;
  byId("parameters").querySelector("ul").replaceChildren(...parameters.map(parameter => make("li", {}, make("code", { text: parameter.name }))));
}

/** The address remembers what is looked at: #worker, #worker-k3v9qx, #api/environment. */
function selectFirst(shown) {
  const [name, tab] = decodeURIComponent(location.hash.slice(1)).split("/");
  const owner = shown.find(resource => resource.replicas.some(replica => replica.id === name));
  const resource = owner ?? shown.find(candidate => candidate.name === name) ?? shown.find(candidate => candidate.name === "api") ?? shown[0];
  select(resource.name, owner && owner.replicas.length > 1 ? name : null);
  if (tab === "environment") showTab(tab);
}

function remember() {
  history.replaceState(null, "", `#${chosen.replica ?? chosen.resource}${byId("environment").hidden ? "" : "/environment"}`);
}

function select(resource, replica) {
  const sameLog = chosen?.resource === resource;
  chosen = { resource, replica };
  byId("chosen").textContent = replica ?? resource;
  if (!sameLog) openLog(resource);
  renderLines();
  if (!byId("environment").hidden) showEnvironment();
  remember();
  render();
}

function openLog(resource) {
  logStream?.close();
  lines = [];
  logStream = new EventSource(`/api/logs/${encodeURIComponent(resource)}/live`);
  // After a lost connection the server sends its kept lines again.
  logStream.onopen = () => { lines = []; renderLines(); };
  logStream.onmessage = message => {
    const line = JSON.parse(message.data);
    lines.push(line);
    if (lines.length > mostLines) lines.shift();
    if (isShown(line)) appendLine(line);
  };
}

function isShown(line) {
  const filter = byId("filter").value.toLowerCase();
  return (!chosen.replica || line.source === chosen.replica) && (!filter || line.text.toLowerCase().includes(filter));
}

function lineElement(line) {
  const several = (resources.find(resource => resource.name === chosen.resource)?.replicas.length ?? 1) > 1 && !chosen.replica;
  const element = make("div", { className: line.isError ? "line error" : "line" }, make("time", { text: new Date(line.at).toLocaleTimeString("en-GB") }));
  if (several) element.append(make("span", { className: "source", text: line.source }));
  element.append(line.text);
  return element;
}

function appendLine(line) {
  const logs = byId("logs");
  logs.querySelector(".empty")?.remove();
  logs.append(lineElement(line));
  if (logs.children.length > mostLines) logs.firstChild.remove();
  if (byId("follow").checked) logs.scrollTop = logs.scrollHeight;
}

function renderLines() {
  const shown = lines.filter(isShown);
  byId("logs").replaceChildren(...(shown.length ? shown.map(lineElement) : [make("div", { className: "empty", text: "Nothing has been written yet." })]));
  if (byId("follow").checked) byId("logs").scrollTop = byId("logs").scrollHeight;
}

async function showEnvironment() {
  const resource = resources.find(candidate => candidate.name === chosen.resource);
  const id = chosen.replica ?? resource?.replicas[0]?.id;
  const answer = await fetch(`/api/replicas/${encodeURIComponent(id)}/environment`);
  const variables = answer.ok ? await answer.json() : [];
  const filter = byId("filter").value.toLowerCase();
  const rows = variables.filter(variable => variable.name.toLowerCase().includes(filter))
    .map(variable => make("tr", {}, make("td", { text: variable.name }), make("td", { text: variable.value })));
  byId("environment").querySelector("tbody").replaceChildren(...(rows.length ? rows
    : [make("tr", {}, make("td", { className: "empty", text: "No environment: no process has been started." }))]));
}

function showTab(name) {
  for (const tab of ["logs", "environment"]) {
    byId(tab).hidden = tab !== name;
    byId(`tab-${tab}`).setAttribute("aria-selected", String(tab === name));
  }
  byId("follow-label").hidden = name !== "logs";
  if (name === "environment") showEnvironment();
  remember();
}

byId("tab-logs").addEventListener("click", () => showTab("logs"));
byId("tab-environment").addEventListener("click", () => showTab("environment"));
byId("filter").addEventListener("input", () => { byId("environment").hidden ? renderLines() : showEnvironment(); });
byId("logs").addEventListener("wheel", () => {
  const logs = byId("logs");
  requestAnimationFrame(() => { byId("follow").checked = logs.scrollTop + logs.clientHeight >= logs.scrollHeight - 30; });
}, { passive: true });

/** What is shown of an application that has gone is history, and must not look like the present. */
function connected(is) {
  byId("connection").hidden = is;
  byId("summary").hidden = !is;
  byId("rows").classList.toggle("stale", !is);
}

const live = new EventSource("/api/resources/live");
live.onmessage = message => { resources = JSON.parse(message.data); render(); };
live.onopen = () => connected(true);
live.onerror = () => connected(false);
setInterval(() => { if (resources.length) render(); }, 5000);
