/** The list of schedules: one page of them, oldest first. */
import { chip, element, fill, problem, show, write } from "./dom.js";
import { Poller } from "./polling.js";
import { rhythmOf, stateOf, zoneOf } from "./rhythms.js";
import { moment, stamp } from "./times.js";

/** Rows of a page. */
const PAGE = 50;
/** What stands where there is nothing to say. */
const NONE = "–";

export function schedulesView({ api, query, tell, create }) {
  const slots = show("schedules-view");
  const rows = new Map();
  let following = null;
  let seen = "";

  document.title = "Schedules · Jobs";
  slots.create.addEventListener("click", create);
  slots["empty-create"].addEventListener("click", create);
  slots.first.hidden = Object.keys(query).length === 0;
  slots.first.addEventListener("click", () => { location.hash = "#/schedules"; });
  slots.next.hidden = true;
  slots.next.addEventListener("click", () => { location.hash = `#/schedules?${new URLSearchParams(following)}`; });
  slots.table.hidden = true;

  async function look(signal) {
    const { rows: schedules, next } = await api.page("/schedules", { ...query, limit: PAGE }, signal);
    following = next;
    place(schedules);
    problem(slots.problem, "");
    slots.next.hidden = next === null;
    slots.table.hidden = schedules.length === 0;
    slots.empty.hidden = schedules.length > 0;
    const now = JSON.stringify(schedules);
    const changed = now !== seen;
    seen = now;
    const ahead = schedules.map((one) => one.nextAt).filter((at) => at !== null && at > Date.now());
    return { changed, due: ahead.length ? Math.min(...ahead) : null };
  }

  function place(schedules) {
    const ids = new Set(schedules.map((one) => one.scheduleId));
    for (const [id, row] of rows) {
      if (ids.has(id)) continue;
      row.remove();
      rows.delete(id);
    }
    schedules.forEach((schedule, number) => {
      const row = rows.get(schedule.scheduleId) ?? newRow(schedule);
      rows.set(schedule.scheduleId, row);
      draw(row, schedule);
      // A row that stays in its place is not moved, because moving takes the focus away.
      if (slots.rows.children[number] !== row) slots.rows.insertBefore(row, slots.rows.children[number] ?? null);
    });
  }

  const poller = new Poller(look, (state, error) => {
    if (error?.kind === "refused") problem(slots.problem, error.message);
    tell(state, error?.kind === "refused" ? null : error);
  });
  return { refresh: () => poller.now(), stop: () => poller.stop() };
}

function newRow(schedule) {
  const cell = (label, kind) => element("td", { role: "cell", "data-label": label, class: kind });
  const row = element("tr", { role: "row", "data-schedule": schedule.scheduleId },
    cell("Name", "what"), cell("State", "is-state"), cell("Rhythm", "what"), cell("Next", "is-next"),
    cell("Last job", "number"), cell("Runs", "number"), cell("Missed", "number"), cell("Skipped", "number"));
  row.firstChild.append(
    element("a", { href: `#/schedules/${schedule.scheduleId}`, class: "name-link" }), element("span", { class: "description action" }));
  return row;
}

function draw(row, schedule) {
  const [name, state, rhythm, next, last, ...counts] = row.children;
  write(name.firstChild, schedule.name);
  write(name.lastChild, schedule.job.action);
  const word = stateOf(schedule);
  fill(state, word, () => [chip(word)]);
  const zone = zoneOf(schedule);
  fill(rhythm, [schedule.cron, schedule.every, zone], () => [
    element("span", {}, rhythmOf(schedule)), ...(zone === null ? [] : [element("span", { class: "description", text: zone })])]);
  fill(next, schedule.nextAt, () => schedule.nextAt === null ? [NONE]
    : [moment(schedule.nextAt), element("span", { class: "description" }, stamp(schedule.nextAt))]);
  next.classList.toggle("none", schedule.nextAt === null);
  const job = schedule.lastJobId;
  fill(last, job, () => [job === null ? NONE : element("a", { href: `#/jobs/${job}`, text: `#${job}`, "aria-label": `Last job ${job}` })]);
  ["runCount", "missedCount", "skippedCount"].forEach((field, place) => write(counts[place], String(schedule[field])));
}
