/** The list: one page of jobs, newest first, with filters and counts. */
import { chip, element, problem, say, show, write } from "./dom.js";
import { Poller } from "./polling.js";
import { length, moment, startLag } from "./times.js";

/** Rows of a page. */
const PAGE = 50;
/** How many details are read in one look. */
const DETAILS_AT_ONCE = 8;
/** Milliseconds until a page that is scrolled counts as read. */
const SETTLED = 200;
const STATUSES = ["scheduled", "running", "completed", "failed", "cancelled"];
/** What stands where there is nothing to say. */
const NONE = "–";
const FILTERS = ["status", "action", "referenceId"];

export function listView({ api, query, tell, create }) {
  const slots = show("list-view");
  const filters = Object.fromEntries(FILTERS.filter((name) => query[name]).map((name) => [name, query[name]]));
  const rows = new Map();
  const visible = new Set();
  const details = new Map();
  const readAt = new Map();
  let older = null;
  let seen = "";

  for (const name of FILTERS) slots.filters.elements[name].value = filters[name] ?? "";
  slots.clear.hidden = Object.keys(filters).length === 0;
  const apply = (event) => {
    event.preventDefault();
    const wanted = Object.fromEntries([...new FormData(slots.filters)].filter(([, value]) => value));
    location.hash = address(event.type === "reset" ? {} : wanted);
  };
  slots.filters.addEventListener("submit", apply);
  slots.filters.addEventListener("reset", apply);
  slots.filters.elements.status.addEventListener("change", () => slots.filters.requestSubmit());
  slots["empty-create"].addEventListener("click", create);
  slots.newest.hidden = !query.cursor;
  slots.newest.addEventListener("click", () => { location.hash = address(filters); });
  slots.older.addEventListener("click", () => { location.hash = address({ ...filters, cursor: older }); });
  slots.older.hidden = true;
  slots.table.hidden = true;
  tiles(slots.tiles, null);

  // Details are read for the rows that can be seen, so that a long page costs no more than a short one.
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) visible.add(Number(target.dataset.job));
      else visible.delete(Number(target.dataset.job));
    }
    filling ??= setTimeout(readAll, SETTLED);
  });
  let filling = null;
  const aborted = new AbortController();

  async function readAll() {
    try {
      while (await readDetails(aborted.signal));
    } catch {
      // The next look tells what is wrong, or the view has gone.
    }
    filling = null;
  }

  async function readDetails(signal, again = false) {
    const wanted = [...rows.values()]
      .filter(({ job }) => visible.has(job.jobId) && wantsDetails(job) && (isStale(job) || (again && job.status === "running")))
      .sort((one, other) => (readAt.get(one.job.jobId) ?? 0) - (readAt.get(other.job.jobId) ?? 0))
      .slice(0, DETAILS_AT_ONCE);
    await Promise.all(wanted.map(async ({ job }) => {
      const found = await api.read(`/jobs/${job.jobId}`, { include: "details" }, signal);
      details.set(job.jobId, found);
      readAt.set(job.jobId, performance.now());
      const row = rows.get(job.jobId);
      if (row) draw(row, { ...row.job, ...found }, found);
    }));
    return wanted.length > 0;
  }

  const isStale = (job) => {
    const known = details.get(job.jobId);
    return !known || known.status !== job.status || known.updatedAt !== job.updatedAt;
  };

  async function look(signal) {
    const listed = { order: "desc", limit: PAGE, ...filters, ...(query.cursor && { cursor: query.cursor }) };
    const { rows: jobs, next } = await api.page("/jobs", listed, signal);
    older = next?.cursor ?? null;
    const before = new Map([...rows].map(([id, { job }]) => [id, job.status]));
    place(jobs);
    problem(slots.problem, "");
    announce(jobs, before);
    await readDetails(signal, true);
    const now = JSON.stringify([jobs, jobs.map((job) => details.get(job.jobId)?.progress)]);
    const changed = now !== seen;
    seen = now;
    const ahead = jobs.filter((job) => job.status === "scheduled" && job.startAt > Date.now()).map((job) => job.startAt);
    const due = ahead.length ? Math.min(...ahead) : null;
    tiles(slots.tiles, jobs, jobs.find((job) => job.startAt === due && job.status === "scheduled"));
    bounds(slots, jobs, filters, query, older);
    return { changed, due };
  }

  function place(jobs) {
    const ids = new Set(jobs.map((job) => job.jobId));
    for (const [id, row] of rows) {
      if (ids.has(id)) continue;
      watcher.unobserve(row.node);
      visible.delete(id);
      row.node.remove();
      rows.delete(id);
    }
    let before = null;
    for (const job of jobs) {
      if (!rows.has(job.jobId)) {
        rows.set(job.jobId, newRow(job));
        watcher.observe(rows.get(job.jobId).node);
      }
      const row = rows.get(job.jobId);
      draw(row, job, isStale(job) ? null : details.get(job.jobId));
      const here = before ? before.nextSibling : slots.rows.firstChild;
      // A row that stays in its place is not moved, because moving takes the focus away.
      if (here !== row.node) slots.rows.insertBefore(row.node, here);
      before = row.node;
    }
  }

  const poller = new Poller(look, (state, error) => {
    if (error?.kind === "refused") problem(slots.problem, error.message);
    tell(state, error?.kind === "refused" ? null : error);
  });
  return {
    refresh: () => poller.now(),
    stop: () => { poller.stop(); watcher.disconnect(); clearTimeout(filling); aborted.abort(); },
  };
}

/** The address of a list in this page. */
export function address(query) {
  const text = new URLSearchParams(query).toString();
  return text ? `#/?${text}` : "#/";
}

/** What the details of a job add to its row: a job that never started has neither lag nor progress. */
const wantsDetails = (job) => job.status !== "scheduled";

function newRow(job) {
  const cell = (label, kind = null) => element("td", { role: "cell", "data-label": label, class: kind });
  const cells = {
    job: cell("Job", "number"), status: cell("Status", "is-status"), what: cell("What", "what"), reference: cell("Reference", "reference"),
    start: cell("Start"), lag: cell("Start lag", "number"), progress: cell("Progress", "is-progress"),
  };
  cells.job.append(element("a", { href: `#/jobs/${job.jobId}`, text: `#${job.jobId}`, "aria-label": `Job ${job.jobId}, ${job.action}` }));
  cells.what.append(
    element("span", { class: "action", text: job.action }),
    ...(job.description ? [element("span", { class: "description", text: job.description })] : []),
  );
  cells.reference.append(element("span", { text: job.referenceId || NONE }));
  const node = element("tr", { role: "row", "data-job": String(job.jobId) }, ...Object.values(cells));
  return { node, cells, job, drawn: {} };
}

function draw(row, job, found) {
  row.job = job;
  const part = (name, key, children) => {
    const stamp = JSON.stringify(key);
    if (row.drawn[name] === stamp) return;
    row.drawn[name] = stamp;
    row.cells[name].replaceChildren(...children());
    row.cells[name].classList.toggle("none", row.cells[name].textContent === NONE);
  };
  part("status", job.status, () => [chip(job.status)]);
  // A job that waits for a later attempt keeps its `startAt`, which is over.
  const again = job.status === "scheduled" && job.updatedAt !== null;
  // One that was cancelled before its time never started.
  const moot = job.status === "cancelled" && job.startAt > job.updatedAt;
  part("start", [job.startAt, again, moot], () => [moot ? NONE : again ? "again soon" : moment(job.startAt)]);
  if (!found && wantsDetails(job)) return;
  const lag = found ? startLag(found) : null;
  part("lag", lag, () => [lag === null ? NONE : `+${length(lag)}`]);
  part("progress", [job.status, found?.progress, found?.finishedAt], () => [progressOf(job, found)]);
}

function progressOf(job, found) {
  if (job.status === "running" && found.progress !== null) {
    return element("span", { class: "progress" },
      element("progress", { max: "100", value: String(found.progress), "aria-label": `Progress of job ${job.jobId}` }),
      element("span", { text: `${found.progress} %` }));
  }
  if (job.status === "running") return element("span", { class: "muted", text: "no report yet" });
  const took = found?.startedAt && found.finishedAt ? found.finishedAt - found.startedAt : null;
  return element("span", { class: "muted", text: took === null ? NONE : `took ${length(took)}` });
}

function tiles(place, jobs, next) {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, 0]));
  for (const job of jobs ?? []) counts[job.status] += 1;
  if (!place.children.length) {
    for (const status of [...STATUSES, "next"]) {
      place.append(element("div", { class: "tile", "data-status": status },
        element("dt", { text: status === "next" ? "Next due" : status[0].toUpperCase() + status.slice(1) }), element("dd", { text: NONE })));
    }
  }
  if (jobs === null) return;
  for (const status of STATUSES) write(place.querySelector(`[data-status=${status}] dd`), String(counts[status]));
  const due = place.querySelector("[data-status=next] dd");
  if (due.dataset.job === String(next?.jobId) && due.dataset.due === String(next?.startAt)) return;
  due.dataset.job = String(next?.jobId);
  due.dataset.due = String(next?.startAt);
  due.replaceChildren(...(next ? [moment(next.startAt), element("a", { href: `#/jobs/${next.jobId}`, text: `#${next.jobId}` })] : [NONE]));
}

function bounds(slots, jobs, filters, query, older) {
  const filtered = Object.keys(filters).length > 0;
  slots.table.hidden = jobs.length === 0;
  slots.older.hidden = older === null;
  slots.empty.hidden = jobs.length > 0;
  const elsewhere = filtered || query.cursor || older;
  slots["empty-create"].hidden = Boolean(elsewhere);
  write(slots["empty-title"], elsewhere ? "No job matches here" : "No jobs yet");
  write(slots["empty-text"], older
    ? "Older jobs were not searched yet. One page searches 1,000 jobs at most."
    : elsewhere ? "Change or clear the filter." : "Create one here, or over the API. It shows up by itself.");
  // Numbers have no gaps, so the newest one says how many there are.
  const all = filtered || query.cursor ? "" : ` of ${jobs[0]?.jobId}`;
  const some = `${jobs.length}${all} ${jobs.length === 1 && !all ? "job" : "jobs"}`;
  write(slots.bounds, jobs.length ? `${some}. A page has ${PAGE} at most; the counts and “Next due” are of this page.` : "");
}

function announce(jobs, before) {
  if (!before.size) return;
  const changed = jobs.filter((job) => before.get(job.jobId) !== job.status);
  if (changed.length === 1) say(`Job ${changed[0].jobId} is ${changed[0].status}.`);
  else if (changed.length) say(`${changed.length} jobs changed.`);
}
