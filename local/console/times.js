/** Times for people: relative, in local time, and lengths. All are milliseconds. */
import { element } from "./dom.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** `12 s`, `3 min`, `2.5 h`, `4 days`. */
export function length(milliseconds) {
  if (milliseconds < 10 * SECOND) return `${(milliseconds / SECOND).toFixed(milliseconds < SECOND ? 2 : 1)} s`;
  if (milliseconds < 2 * MINUTE) return `${Math.round(milliseconds / SECOND)} s`;
  if (milliseconds < 2 * HOUR) return `${Math.round(milliseconds / MINUTE)} min`;
  if (milliseconds < 2 * DAY) return `${(milliseconds / HOUR).toFixed(1)} h`;
  return `${Math.round(milliseconds / DAY)} days`;
}

/** `in 12 s` or `3 min ago`. */
export function relative(at, now = Date.now()) {
  const away = at - now;
  if (Math.abs(away) < SECOND) return "now";
  const whole = length(Math.max(Math.floor(Math.abs(away) / SECOND) * SECOND, SECOND)).replace(/\.0 /, " ");
  return away > 0 ? `in ${whole}` : `${whole} ago`;
}

/** The time of day, with the date if it is another day. */
export function clock(at) {
  const time = new Date(at);
  const today = time.toDateString() === new Date().toDateString();
  return today ? CLOCK.format(time) : `${time.toLocaleDateString()} ${CLOCK.format(time)}`;
}

/** A time that stays relative while the page is open; its title is the whole time. */
export function moment(at) {
  return element("time", {
    datetime: new Date(at).toISOString(), title: WHOLE.format(at), "data-at": String(at), text: relative(at),
  });
}

/** A time as a clock shows it. */
export function stamp(at) {
  return element("time", { datetime: new Date(at).toISOString(), title: WHOLE.format(at), text: clock(at) });
}

/** Let all relative times of the page be true again. */
export function refresh() {
  for (const node of document.querySelectorAll("time[data-at]")) {
    const text = relative(Number(node.dataset.at));
    if (node.textContent !== text) node.textContent = text;
  }
}

/** What a field of a local time has for a time, to the second. */
export function toField(at) {
  const time = new Date(at);
  return new Date(at - time.getTimezoneOffset() * MINUTE).toISOString().slice(0, 19);
}

/** How long after its time the first attempt started; null if it never did. A past start means the creation. */
export function startLag(job) {
  const start = job.history?.find((change) => change.to === "running");
  return start ? start.at - Math.max(job.startAt, job.createdAt) : null;
}
