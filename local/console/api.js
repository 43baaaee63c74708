/** The public API, with a key. Each problem is one sentence that says what to do. */

/** A call that did not succeed. `kind` is `key`, `missing`, `gone`, `busy`, `failed` or `refused`. */
export class Problem extends Error {
  constructor(kind, sentence, wait = null) {
    super(sentence);
    this.kind = kind;
    this.wait = wait;
  }
}

/** A call that takes longer than this counts as lost, in milliseconds. */
const PATIENCE = 15_000;
const SECOND = 1000;

export class Api {
  constructor(session) {
    this.project = session.project;
    this.key = session.key;
  }

  /** One page of a list: its rows, and the query of the next one or null. */
  async page(path, query, signal) {
    const { body, answer } = await this.#send("GET", path, { query, signal });
    return { rows: body.data, next: nextOf(answer.headers.get("Link")) };
  }

  async read(path, query = {}, signal = undefined) {
    return (await this.#send("GET", path, { query, signal })).body.data;
  }

  /** Something with the tag of its version, for `If-Match`. */
  async readTagged(path, signal) {
    const { body, answer } = await this.#send("GET", path, { signal });
    return { data: body.data, tag: answer.headers.get("ETag") };
  }

  /** Ask with a body for something that changes nothing. */
  async ask(path, query, body, signal) {
    return (await this.#send("POST", path, { query, body, signal, changes: false })).body.data;
  }

  async change(method, path, body = undefined, headers = {}) {
    return (await this.#send(method, path, { body, headers })).body.data;
  }

  async #send(method, path, { query = {}, body, headers = {}, signal, changes = method !== "GET" }) {
    const text = new URLSearchParams(query).toString();
    const limit = AbortSignal.timeout(PATIENCE);
    let answer;
    let parsed = null;
    try {
      answer = await fetch(`/public/${encodeURIComponent(this.project)}${path}${text && `?${text}`}`, {
        method,
        headers: {
          Authorization: `Bearer ${this.key}`, Accept: "application/json",
          ...(body && { "Content-Type": "application/json" }), ...headers,
        },
        body: body && JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
      });
      const content = await answer.text();
      parsed = content.startsWith("{") ? JSON.parse(content) : null;
    } catch (error) {
      if (signal?.aborted) throw error;
      const maybe = !changes ? "" : " What you asked for may have been done: look before you try again.";
      throw new Problem("gone", `The server does not answer. Is it running?${maybe}`);
    }
    if (answer.status === 204) return { body: { data: null }, answer };
    if (answer.ok && parsed && "data" in parsed) return { body: parsed, answer };
    throw refusal(answer, parsed?.error ?? parsed?.message ?? "");
  }
}

function refusal(answer, said) {
  const wait = Number(answer.headers.get("Retry-After")) * SECOND || null;
  if (answer.status === 401) return new Problem("key", "This key opens nothing here. It is wrong, expired or revoked.");
  if (answer.status === 403) return new Problem("refused", `This key may not do that (${said || "forbidden"}). Use a key with that scope.`);
  if (answer.status === 412) return new Problem("refused", "Somebody has changed it meanwhile. Go back, and look at it again.");
  if (answer.status === 429) return new Problem("busy", "The service is busy. It goes on by itself.", wait);
  if (answer.status >= 500) return new Problem("failed", `The service failed (${answer.status}${said && `: ${said}`}).`);
  if (said === "project not found") return new Problem("key", "There is no such project for this key.");
  return new Problem(answer.status === 404 ? "missing" : "refused", said || `The server answered ${answer.status}, and not as a jobs service does.`);
}

/** The query of the next page. Only that is taken of a link, so the key goes nowhere else. */
function nextOf(header) {
  const link = /<([^>]+)>;\s*rel="next"/.exec(header ?? "");
  return link ? Object.fromEntries(new URL(link[1], location.origin).searchParams) : null;
}
