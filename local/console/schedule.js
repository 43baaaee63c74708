/** One schedule: when it occurs next, what it makes, and what has become of it. */
import { chip, element, fill, problem, say, show, write } from "./dom.js";
import { Poller } from "./polling.js";
import { occurrenceOf, period, rhythmOf, stateOf, zoneOf } from "./rhythms.js";
import { moment, stamp } from "./times.js";

/** Occurrences that are shown. */
const AHEAD = 10;

export function scheduleView({ api, scheduleId, tell, ask }) {
  const slots = show("schedule-view");
  const path = `/schedules/${scheduleId}`;
  let schedule = null;
  let tag = null;
  let seen = "";

  document.title = "Schedule · Jobs";

  async function look(signal) {
    const found = await api.readTagged(path, signal);
    const now = JSON.stringify(found.data);
    const changed = now !== seen;
    if (changed) {
      const ahead = await api.read(`${path}/occurrences`, { limit: AHEAD }, signal);
      fill(slots.occurrences, ahead, () => ahead.map((one) => occurrenceOf(one, zoneOf(found.data))));
      slots["no-occurrences"].hidden = ahead.length > 0;
    }
    if (schedule && found.data.lastJobId !== schedule.lastJobId) say(`${found.data.name} has made job ${found.data.lastJobId}.`);
    seen = now;
    ({ data: schedule, tag } = found);
    draw(slots, schedule);
    problem(slots.problem, "");
    return { changed, due: schedule.nextAt !== null && schedule.nextAt > Date.now() ? schedule.nextAt : null };
  }

  const poller = new Poller(look, (state, error) => {
    const own = error?.kind === "missing" || error?.kind === "refused";
    if (own) problem(slots.problem, error.kind === "missing" ? "There is no such schedule in this project." : error.message);
    if (error?.kind === "missing") slots.schedule.hidden = true;
    slots.missing.hidden = error?.kind !== "missing";
    tell(state, own ? null : error);
  });
  const changed = () => poller.now();
  slots.enable.addEventListener("click", () => ask.enable(schedule, tag, changed));
  slots.run.addEventListener("click", () => ask.run(schedule, changed));
  slots.remove.addEventListener("click", () => ask.remove(schedule));
  return { refresh: changed, stop: () => poller.stop() };
}

function draw(slots, schedule) {
  const { job } = schedule;
  const state = stateOf(schedule);
  slots.schedule.hidden = false;
  write(slots.name, schedule.name);
  document.title = `${schedule.name} · Jobs`;
  write(slots.enable, schedule.enabled ? "Pause" : "Resume");
  // A button that goes must not take the focus with it.
  if (state === "ended" && slots.enable === document.activeElement) slots.name.focus();
  slots.enable.hidden = state === "ended";
  fill(slots.state, state, () => [chip(state)]);
  fill(slots.when, schedule.nextAt, () => schedule.nextAt === null ? [] : ["next ", moment(schedule.nextAt)]);
  fill(slots.facts, schedule, () => listed(facts(schedule)));
  fill(slots.makes, job, () => listed([
    ["Action", element("span", { class: "action", text: job.action })],
    ["Description", job.description || null],
    ["Reference", job.referenceId || null],
    ["Attempts", String(job.maxAttempts)],
    ["Time-out", period(job.timeoutSeconds)],
  ]));
  slots.params.hidden = !Object.keys(job.params).length;
  write(slots.params, JSON.stringify(job.params, null, 2));
}

function facts(schedule) {
  const last = schedule.lastJobId;
  const bound = (at) => (at === null ? null : stamp(at));
  return [
    ["Rhythm", rhythmOf(schedule)],
    ["Zone", zoneOf(schedule)],
    ["Next", bound(schedule.nextAt)],
    ["Last job", last === null ? null
      : element("span", {}, element("a", { href: `#/jobs/${last}`, text: `#${last}` }), ", ", moment(schedule.lastAt))],
    ["Runs", String(schedule.runCount)],
    ["Missed", String(schedule.missedCount)],
    ["Skipped", String(schedule.skippedCount)],
    ["From", bound(schedule.startAt)],
    ["Until", bound(schedule.endAt)],
    ["Gap", schedule.gap],
    ["Fold", schedule.fold],
    ["Catch-up", schedule.catchUp],
    ["Overlap", schedule.overlap],
    ["Created", stamp(schedule.createdAt)],
  ];
}

function listed(rows) {
  return rows.filter(([, value]) => value !== null).map(([name, value]) =>
    element("div", {}, element("dt", { text: name }), element("dd", {}, value)));
}
