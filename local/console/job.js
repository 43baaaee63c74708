/** One job: what it is, what happened, what it said and made. */
import { chip, element, fill, problem, say, show, write } from "./dom.js";
import { Poller } from "./polling.js";
import { length, moment, stamp, startLag } from "./times.js";

/** Messages of one page. */
const PAGE = 200;
const KINDS = { 1: "info", 2: "warning", 3: "error" };
const ENDED = ["completed", "failed", "cancelled"];
const KIB = 1024;

export function jobView({ api, jobId, tell, ask }) {
  const slots = show("job-view");
  const path = `/jobs/${jobId}`;
  let job = null;
  let seen = "";
  let pages = 1;

  async function look(signal) {
    const found = await api.read(path, { include: "details" }, signal);
    const now = JSON.stringify([found.status, found.attempt, found.progress, found.message, found.startAt]);
    const changed = now !== seen;
    if (changed) {
      await readMessages(signal);
      if (found.status === "completed") await readFiles(signal);
    }
    if (job && job.status !== found.status) say(`Job ${jobId} is ${found.status}.`);
    seen = now;
    job = found;
    draw(slots, job);
    problem(slots.problem, "");
    const waits = job.status === "scheduled" && job.attempt === 1 && job.startAt > Date.now();
    return { changed, due: waits ? job.startAt : null };
  }

  async function readMessages(signal) {
    let query = { limit: PAGE };
    const messages = [];
    for (let page = 0; page < pages && query; page += 1) {
      const { rows, next } = await api.page(`${path}/messages`, query, signal);
      messages.push(...rows);
      query = next;
    }
    slots["more-messages"].hidden = query === null;
    slots["no-messages"].hidden = messages.length > 0;
    fill(slots.messages, messages, () => messages.map(messageOf));
  }

  async function readFiles(signal) {
    const files = await api.read(`${path}/artifacts`, {}, signal);
    slots["artifacts-card"].hidden = files.length === 0;
    fill(slots.artifacts, files, () => files.map((file) => fileOf(file, api, path, slots.problem)));
  }

  const poller = new Poller(look, (state, error) => {
    const own = error?.kind === "missing" || error?.kind === "refused";
    if (own) problem(slots.problem, error.kind === "missing" ? `There is no job ${jobId} in this project.` : error.message);
    if (error?.kind === "missing") slots.job.hidden = true;
    slots.missing.hidden = error?.kind !== "missing";
    tell(state, own ? null : error);
  });
  const changed = () => poller.now();
  slots["more-messages"].addEventListener("click", () => { pages += 1; seen = ""; poller.now(); });
  slots.cancel.addEventListener("click", () => ask.cancel(job, changed));
  slots.retry.addEventListener("click", () => ask.retry(job, changed));
  slots.move.addEventListener("click", () => ask.move(job, changed));
  return { refresh: changed, stop: () => poller.stop() };
}

function draw(slots, job) {
  slots.job.hidden = false;
  write(slots.action, job.action);
  write(slots.number, `#${job.jobId}`);
  document.title = `#${job.jobId} ${job.action} · Jobs`;
  slots.description.hidden = !job.description;
  write(slots.description, job.description);
  // Only what may succeed is offered. The service decides, if the job changes in between.
  const offered = {
    cancel: !ENDED.includes(job.status),
    retry: job.status === "failed" || job.status === "cancelled",
    move: job.status === "scheduled" && job.attempt === 1 && job.updatedAt === null,
  };
  for (const [name, is] of Object.entries(offered)) {
    // A button that goes must not take the focus with it.
    if (!is && slots[name] === document.activeElement) slots.heading.focus();
    slots[name].hidden = !is;
  }
  fill(slots.status, job.status, () => [chip(job.status)]);
  fill(slots.when, [job.status, job.startAt, job.attempt, job.updatedAt], () => whenOf(job));
  slots["progress-line"].hidden = job.status !== "running" || job.progress === null;
  slots.progress.value = job.progress ?? 0;
  write(slots.percent, `${job.progress ?? 0} %`);
  slots.message.hidden = !job.message || job.status !== "running";
  write(slots.message, job.message ?? "");
  fill(slots.facts, [job.status, job.startAt, job.attempt, job.maxAttempts, job.timeoutAt, job.updatedAt], () => facts(job));
  slots["errors-card"].hidden = !job.errorList?.length;
  fill(slots.errors, job.errorList, () => (job.errorList ?? []).map((error) => element("li", { text: error })));
  fill(slots.timeline, job.history, () => job.history.map(changeOf));
  slots["outputs-card"].hidden = !job.outputs.length;
  write(slots.outputs, JSON.stringify(job.outputs, null, 2));
  slots["params-card"].hidden = !Object.keys(job.params).length;
  write(slots.params, JSON.stringify(job.params, null, 2));
}

function whenOf(job) {
  if (job.status === "running") return ["started ", moment(job.updatedAt)];
  if (job.status !== "scheduled") return [moment(job.updatedAt)];
  return job.updatedAt === null ? ["starts ", moment(job.startAt)] : ["starts again soon"];
}

function facts(job) {
  const lag = startLag(job);
  const rows = [
    ["Reference", job.referenceId || null],
    ["Schedule", job.scheduleId ? occasion(job) : null],
    ["Attempt", `${job.attempt} of ${job.maxAttempts}`],
    ["Start", stamp(job.startAt)],
    ["Start lag", lag === null ? null : `+${length(lag)}`],
    ["Took", job.startedAt && job.finishedAt ? length(job.finishedAt - job.startedAt) : null],
    ["Times out", job.status === "running" && job.timeoutAt ? moment(job.timeoutAt) : null],
    ["Created", stamp(job.createdAt)],
  ];
  return rows.filter(([, value]) => value !== null).map(([name, value]) =>
    element("div", {}, element("dt", { text: name }), element("dd", {}, value)));
}

/** The schedule that made a job, as a link, and the occurrence that it was made for. */
function occasion(job) {
  const link = element("a", { href: `#/schedules/${job.scheduleId}`, text: "Show it" });
  const at = job.scheduledFor === null ? ["out of turn"] : ["for ", stamp(job.scheduledFor)];
  return element("span", {}, link, ", ", ...at);
}

function changeOf(change) {
  const error = change.error === null ? [] : [element("pre", { class: "error", text: change.error })];
  return element("li", { "data-status": change.to },
    element("div", { class: "change" }, chip(change.to), stamp(change.at)),
    element("p", { class: "muted", text: `attempt ${change.attempt} · by ${change.by}` }),
    ...error);
}

function messageOf(message) {
  const kind = KINDS[message.status];
  return element("li", {}, stamp(message.at), " ",
    ...(kind ? [element("span", { class: "kind", "data-kind": kind, text: kind }), " "] : []),
    element("span", { class: "text", text: (message.toolId ? `[tool ${message.toolId}] ` : "") + message.text }));
}

/** A file with a button that fetches its address, and then a plain link: the store takes no key. */
function fileOf(file, api, path, place) {
  const button = element("button", { type: "button", text: "Get", "aria-label": `Get the address of ${file.name}` });
  const item = element("li", {},
    element("span", { class: "name", text: file.name }),
    element("span", { class: "muted", text: `${size(file.size)} · ${file.format} · attempt ${file.attempt}` }), button);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const { url } = await api.read(`${path}/artifacts/${encodeURIComponent(file.artifactId)}`);
      if (!/^https?:/.test(url)) throw new Error("The server gave no web address.");
      const link = element("a", {
        class: "button", href: url, rel: "noreferrer", text: "Download",
        title: "The address is good for five minutes", "aria-label": `Download ${file.name}`,
      });
      button.replaceWith(link);
      link.focus();
      // An address ends after five minutes, and the button then gets another.
      setTimeout(() => { link.replaceWith(button); button.disabled = false; }, 5 * 60 * 1000 - 10_000);
    } catch (error) {
      button.disabled = false;
      problem(place, error.message);
    }
  });
  return item;
}

function size(bytes) {
  if (bytes < KIB) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log(bytes) / Math.log(KIB)), 3);
  return `${(bytes / KIB ** power).toFixed(1)} ${["B", "KB", "MB", "GB"][power]}`;
}
