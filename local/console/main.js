/** The console: who is signed in, which view the address names, and what the frame around it says. */
import { Api } from "./api.js";
import { cancelDialog, createDialog, moveDialog, retryDialog } from "./dialogs.js";
import { problem, say, show, write } from "./dom.js";
import { jobView } from "./job.js";
import { listView } from "./list.js";
import { scheduleView } from "./schedule.js";
import { createScheduleDialog, deleteDialog, enableDialog, runDialog } from "./schedule_dialogs.js";
import { schedulesView } from "./schedules.js";
import { refresh } from "./times.js";

/** What the session of the tab holds: the project and the key. */
const SESSION = "jobs.session";
const LIVE = { live: "Live", paused: "Paused", failing: "No connection", waiting: "Loading" };
/** What a header can carry. Anything else is no key, and would look like a lost connection. */
const A_KEY = /^[\x21-\x7e]+$/;
const SECOND = 1000;

const at = (id) => document.getElementById(id);
let api = null;
let view = null;
let shown = null;

function begin(session) {
  sessionStorage.setItem(SESSION, JSON.stringify(session));
  api = new Api(session);
  write(at("project"), session.project);
  route();
}

function leave(reason = null) {
  sessionStorage.removeItem(SESSION);
  api = null;
  view?.stop();
  view = null;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  signIn(reason);
}

/** Hear from a view how its looks go. */
function tell(state, error) {
  if (error?.kind === "key") {
    leave(error.message);
    return;
  }
  at("live").dataset.state = error ? "failing" : state;
  write(at("live"), LIVE[error ? "failing" : state]);
  const text = error ? `${error.message} The page tries again by itself.` : "";
  at("banner").hidden = !error;
  if (at("banner-text").textContent !== text) at("banner-text").textContent = text;
}

async function signIn(reason) {
  at("session").hidden = at("views").hidden = true;
  at("banner").hidden = true;
  document.title = "Sign in · Jobs";
  const slots = show("sign-in-view");
  problem(slots.problem, reason);
  at("main").querySelector("h1").focus();
  slots.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { project, key } = Object.fromEntries(new FormData(slots.form));
    if (A_KEY.test(key.trim())) begin({ project: project.trim(), key: key.trim() });
    else problem(slots.problem, "A key has letters, digits and signs of ASCII alone.");
  });
  // Only `make run` has this, and only for this machine.
  const answer = await fetch("/console/demo.json", { cache: "no-store" }).catch(() => null);
  const demo = answer?.ok ? await answer.json().catch(() => null) : null;
  if (!demo || api) return;
  slots.demo.hidden = false;
  slots["use-demo"].addEventListener("click", () => begin(demo));
  if (!reason) slots["use-demo"].focus();
}

/** Show what the address names. */
function route() {
  if (!api) return;
  const [path, text] = location.hash.replace(/^#/, "").split("?");
  const job = /^\/jobs\/(\d{1,19})$/.exec(path);
  const schedule = /^\/schedules\/([0-9a-f]{24})$/.exec(path);
  const query = Object.fromEntries(new URLSearchParams(text));
  view?.stop();
  tell("waiting", null);
  at("session").hidden = at("views").hidden = false;
  const current = path.startsWith("/schedules") ? "to-schedules" : "to-jobs";
  for (const link of at("views").children) link.ariaCurrent = link.id === current ? "page" : null;
  const ask = {
    cancel: (one, done) => cancelDialog(api, one, () => { say(`Job ${one.jobId} is cancelled.`); done(); }),
    retry: (one, done) => retryDialog(api, one, () => { say(`Job ${one.jobId} is scheduled again.`); done(); }),
    move: (one, done) => moveDialog(api, one, () => { say(`Job ${one.jobId} was moved.`); done(); }),
    enable: (one, tag, done) => enableDialog(api, one, tag, () => { say(`${one.name} is ${one.enabled ? "paused" : "active"}.`); done(); }),
    run: (one, done) => runDialog(api, one, (made) => { say(`Job ${made.jobId} was created.`); done(); }),
    remove: (one) => deleteDialog(api, one, () => { say(`${one.name} is deleted.`); location.hash = "#/schedules"; }),
  };
  document.title = "Jobs";
  if (job) view = jobView({ api, jobId: job[1], tell, ask });
  else if (schedule) view = scheduleView({ api, scheduleId: schedule[1], tell, ask });
  else if (path === "/schedules") view = schedulesView({ api, query, tell, create: createSchedule });
  else view = listView({ api, query, tell, create });
  // A way from one view to the other begins at the top, for eyes and for screen readers. The first view leaves the focus.
  if (shown !== null && shown !== location.hash.split("?")[0]) {
    scrollTo(0, 0);
    at("main").focus({ preventScroll: true });
  }
  shown = location.hash.split("?")[0];
}

function create() {
  createDialog(api, (job) => {
    say(`Job ${job.jobId} was created.`);
    location.hash = `#/jobs/${job.jobId}`;
  });
}

function createSchedule() {
  createScheduleDialog(api, (schedule) => {
    say(`${schedule.name} was created.`);
    location.hash = `#/schedules/${schedule.scheduleId}`;
  });
}

at("create").addEventListener("click", create);
at("leave").addEventListener("click", () => leave());
at("banner-retry").addEventListener("click", () => view?.refresh());
at("skip").addEventListener("click", (event) => { event.preventDefault(); at("main").focus(); });
addEventListener("hashchange", route);
setInterval(() => { if (!document.hidden) refresh(); }, SECOND);

let kept = null;
try {
  kept = JSON.parse(sessionStorage.getItem(SESSION));
} catch {
  // Somebody else wrote there.
}
if (kept?.project && kept?.key) begin(kept);
else signIn(null);
