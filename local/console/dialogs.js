/** Dialogs: each changes something only after it was asked for, and says what went wrong in its place. */
import { problem, slotsOf, write } from "./dom.js";
import { toField } from "./times.js";

const SECOND = 1000;

/** Open a dialog of the page. `submit` makes the change; the dialog closes once it has succeeded. */
export function open(id, submit, prepare = () => {}) {
  const dialog = document.getElementById(id);
  const form = dialog.querySelector("form");
  const slots = slotsOf(dialog);
  problem(slots.problem, "");
  prepare(slots, form);
  slots.submit.disabled = false;
  slots.close.onclick = () => dialog.close();
  form.onsubmit = async (event) => {
    event.preventDefault();
    // A second press must not make a second call.
    if (slots.submit.disabled) return;
    slots.submit.disabled = true;
    try {
      await submit(form.elements);
      dialog.close();
    } catch (error) {
      problem(slots.problem, error.message);
    } finally {
      slots.submit.disabled = false;
    }
  };
  dialog.showModal();
}

/** Ask before something is done. */
export function confirm(title, text, verb, kind, submit) {
  open("confirm", submit, (slots) => {
    write(document.getElementById("confirm-title"), title);
    write(slots.text, text);
    write(slots.submit, verb);
    slots.submit.className = kind;
  });
}

export function cancelDialog(api, job, done) {
  const running = job.status === "running" ? " Its worker stops as soon as it notices." : "";
  confirm(`Cancel job #${job.jobId}?`, `${job.action} will not be done.${running}`, "Cancel the job", "danger", async () => {
    await api.change("DELETE", `/jobs/${job.jobId}`);
    done();
  });
}

export function retryDialog(api, job, done) {
  confirm(`Retry job #${job.jobId}?`, `${job.action} starts again now, as attempt ${job.attempt + 1}.`, "Retry", "primary", async () => {
    await api.change("POST", `/jobs/${job.jobId}/retry`);
    done();
  });
}

export function moveDialog(api, job, done) {
  open("move", async (fields) => {
    await api.change("PATCH", `/jobs/${job.jobId}`, { startAt: new Date(fields.at.value).getTime() });
    done();
  }, (slots, form) => {
    write(document.getElementById("move-title"), `Move job #${job.jobId}`);
    form.elements.at.value = toField(Math.max(job.startAt, Date.now()));
  });
}

export function createDialog(api, done) {
  open("new-job", once(api, "/jobs", bodyOf, done), (slots, form) => {
    form.reset();
    slots.at.hidden = true;
    form.elements.at.required = false;
    form.elements.when.onchange = () => {
      const at = form.elements.when.value === "at";
      slots.at.hidden = !at;
      form.elements.at.required = at;
      if (at && !form.elements.at.value) form.elements.at.value = toField(Date.now() + 3600 * SECOND);
    };
  });
}

/** Create what a form says. After a lost answer the same key and body go again, so that a second try makes no second one. */
export function once(api, path, bodyOf, done) {
  let sent = { asked: null };
  return async (fields) => {
    const asked = JSON.stringify([...new FormData(fields.action.form)]);
    if (asked !== sent.asked) sent = { body: bodyOf(fields), key: crypto.randomUUID(), asked };
    done(await api.change("POST", path, sent.body, { "Idempotency-Key": sent.key }));
  };
}

function bodyOf(fields) {
  const body = jobOf(fields);
  const when = fields.when.value;
  if (when === "at") body.startAt = new Date(fields.at.value).getTime();
  else if (when !== "0") body.startAt = Date.now() + Number(when) * SECOND;
  return body;
}

/** What the fields of a form say of a job, whenever it starts. */
export function jobOf(fields) {
  const job = { action: fields.action.value };
  for (const name of ["description", "referenceId"]) if (fields[name].value) job[name] = fields[name].value;
  for (const name of ["maxAttempts", "timeoutSeconds"]) if (fields[name].value) job[name] = Number(fields[name].value);
  if (fields.params.value.trim()) job.params = paramsOf(fields.params.value);
  return job;
}

function paramsOf(text) {
  let params = null;
  try {
    params = JSON.parse(text);
  } catch {
    // told below
  }
  if (params === null || typeof params !== "object" || Array.isArray(params)) {
    throw new Error('Params must be a JSON object, such as {"month": "2026-11"}.');
  }
  return params;
}
