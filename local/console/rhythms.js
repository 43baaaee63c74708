/** Schedules in words: when they occur, whether they do, and what clock changes do to them. */
import { element } from "./dom.js";
import { moment, stamp, toField } from "./times.js";

const UNITS = [["day", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
const NOTES = { shifted: "the clocks skip its time", repeated: "its time comes twice" };

/** Whether a schedule occurs: `active`, `paused`, or `ended` because no occurrence is left. */
export function stateOf(schedule) {
  if (!schedule.enabled) return "paused";
  return schedule.nextAt === null ? "ended" : "active";
}

/** When a schedule occurs, as a person has set it. */
export function rhythmOf(schedule) {
  if (schedule.cron !== null) return element("code", { text: schedule.cron });
  return element("span", { text: schedule.every === null ? "once" : `every ${period(schedule.every)}` });
}

/** The zone whose clocks count; null where none does. */
export function zoneOf(schedule) {
  return schedule.cron === null ? null : schedule.timezone;
}

/** Seconds in all the units that they have: `1 h 30 min`. */
export function period(seconds) {
  const parts = [];
  let left = seconds;
  for (const [unit, length] of UNITS) {
    const count = Math.floor(left / length);
    left %= length;
    if (count) parts.push(`${count} ${unit}${unit === "day" && count > 1 ? "s" : ""}`);
  }
  return parts.join(" ");
}

/** An occurrence as an item of a list: local time, how far away, its note, and the clock of the zone if that counts and shows another time. */
export function occurrenceOf(occurrence, zone) {
  const item = element("li", {}, stamp(occurrence.at), element("span", { class: "muted" }, moment(occurrence.at)));
  if (zone !== null && occurrence.local.slice(0, 19) !== toField(occurrence.at)) {
    item.append(element("span", { class: "muted", text: `${occurrence.local.slice(11, 19)} in ${zone}` }));
  }
  if (occurrence.note !== null) {
    item.append(element("span", { class: "kind", "data-kind": "warning", text: `${occurrence.note}: ${NOTES[occurrence.note] ?? ""}` }));
  }
  return item;
}
