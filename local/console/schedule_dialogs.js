/** Dialogs of schedules. The one that creates shows the next occurrences while a person types. */
import { confirm, jobOf, once, open } from "./dialogs.js";
import { element, problem } from "./dom.js";
import { occurrenceOf } from "./rhythms.js";
import { toField } from "./times.js";

const HOUR = 3_600_000;
/** Milliseconds without a key press after which the preview is asked for. */
const SETTLED = 400;
/** Occurrences of a preview. */
const AHEAD = 5;
const CHOICES = ["gap", "fold", "catchUp", "overlap"];

/** Pause or resume a schedule as it was seen: with its tag, so that no other change is overwritten. */
export function enableDialog(api, schedule, tag, done) {
  const [title, text, verb] = schedule.enabled
    ? [`Pause ${schedule.name}?`, "It makes no job until it is resumed. Time for which it is paused misses nothing.", "Pause the schedule"]
    : [`Resume ${schedule.name}?`, "It goes on with its next occurrence from now on.", "Resume the schedule"];
  confirm(title, text, verb, "primary", async () => {
    await api.change("PATCH", `/schedules/${schedule.scheduleId}`, { enabled: !schedule.enabled }, { "If-Match": tag });
    done();
  });
}

export function runDialog(api, schedule, done) {
  confirm(`Run ${schedule.name} now?`, `It makes a job, ${schedule.job.action}, out of turn. Its rhythm stays as it is.`, "Run it now", "primary", async () => {
    done(await api.change("POST", `/schedules/${schedule.scheduleId}/run`));
  });
}

export function deleteDialog(api, schedule, done) {
  confirm(`Delete ${schedule.name}?`, "It makes no further job. The jobs that it has made stay.", "Delete the schedule", "danger", async () => {
    await api.change("DELETE", `/schedules/${schedule.scheduleId}`);
    done();
  });
}

export function createScheduleDialog(api, done) {
  open("new-schedule", once(api, "/schedules", bodyOf, done), (slots, form) => {
    form.reset();
    const fields = form.elements;
    fields.timezone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
    if (!slots.zones.children.length) slots.zones.append(...zones());
    const asked = preview(api, slots, fields);
    form.oninput = (event) => {
      if (event.target === fields.kind) choose(slots, fields);
      asked.soon();
    };
    form.closest("dialog").onclose = asked.stop;
    choose(slots, fields);
    asked.soon();
  });
}

/** Show the fields of the kind of rhythm that is chosen. */
function choose(slots, fields) {
  for (const kind of ["cron", "every", "at"]) {
    const is = fields.kind.value === kind;
    slots[kind].hidden = !is;
    for (const field of slots[kind].querySelectorAll("input, select")) field.disabled = !is;
  }
  slots.changes.hidden = fields.kind.value !== "cron";
  if (fields.kind.value === "at" && !fields.at.value) fields.at.value = toField(Math.ceil((Date.now() + HOUR) / HOUR) * HOUR);
}

/** Ask for the next occurrences once nobody has typed for a moment. What is asked for later counts. */
function preview(api, slots, fields) {
  let timer = null;
  let asking = new AbortController();

  async function look() {
    asking.abort();
    asking = new AbortController();
    const mine = asking;
    const body = rhythmOf(fields);
    if (body === null) {
      tell("");
      return;
    }
    try {
      const ahead = await api.ask("/schedules/preview", { limit: AHEAD }, body, mine.signal);
      tell("", ahead.map((one) => occurrenceOf(one, body.timezone ?? null)));
    } catch (error) {
      if (!mine.signal.aborted) tell(error.message);
    }
  }

  function tell(text, items = []) {
    slots.ahead.hidden = items.length === 0;
    slots.occurrences.replaceChildren(...items);
    problem(slots.refused, text);
  }

  return {
    soon() {
      clearTimeout(timer);
      timer = setTimeout(look, SETTLED);
    },
    stop() {
      clearTimeout(timer);
      asking.abort();
      tell("");
    },
  };
}

/** When the schedule of the form occurs; null if the form does not say yet. */
function rhythmOf(fields) {
  const kind = fields.kind.value;
  const body = {};
  if (kind === "cron") Object.assign(body, { cron: fields.cron.value.trim(), timezone: fields.timezone.value.trim() });
  else if (kind === "every") body.every = Number(fields.every.value) * Number(fields.unit.value);
  else body.at = new Date(fields.at.value).getTime();
  if (!body[kind]) return null;
  for (const name of CHOICES) if (fields[name].value && (kind === "cron" || !["gap", "fold"].includes(name))) body[name] = fields[name].value;
  return body;
}

function bodyOf(fields) {
  return { name: fields.name.value, ...rhythmOf(fields), job: jobOf(fields) };
}

function zones() {
  return ["UTC", ...Intl.supportedValuesOf("timeZone")].map((name) => element("option", { value: name }));
}
