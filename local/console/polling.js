/** Looking again and again, as seldom as it may be: slower while nothing changes, and never in a hidden tab. */
import { Problem } from "./api.js";

/** Milliseconds between two looks. */
const FASTEST = 2000;
const SLOWEST = 20_000;
const GROWTH = 1.5;

export class Poller {
  /**
   * `look(signal)` makes one look and returns whether something changed, and when something is due next (or null).
   * `tell(state, error)` hears `live`, `paused` or `failing`.
   */
  constructor(look, tell) {
    this.look = look;
    this.tell = tell;
    this.pause = FASTEST;
    this.timer = null;
    this.running = null;
    this.onVisibility = () => this.now();
    document.addEventListener("visibilitychange", this.onVisibility);
    this.now();
  }

  /** Look at once, and often again after that. */
  now() {
    this.pause = FASTEST;
    this.#halt();
    if (!document.hidden) return this.#run();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.#halt();
  }

  #halt() {
    clearTimeout(this.timer);
    this.running?.abort();
    this.running = null;
    if (document.hidden) this.tell("paused", null);
  }

  async #run() {
    const mine = new AbortController();
    this.running = mine;
    let wait;
    try {
      const { changed, due } = await this.look(mine.signal);
      if (mine.signal.aborted) return;
      this.pause = changed ? FASTEST : Math.min(this.pause * GROWTH, SLOWEST);
      // What is due soon is looked at right after, but however many are due, not twice a second.
      const soon = due === null ? Infinity : due - Date.now() + FASTEST / 4;
      wait = Math.min(this.pause, Math.max(soon, FASTEST / 2));
      this.tell("live", null);
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof Problem)) reportError(error);
      this.pause = Math.min(this.pause * GROWTH, SLOWEST);
      wait = Math.max(this.pause, error.wait ?? 0);
      this.tell("failing", error);
      if (error.kind === "key") return;
    }
    this.timer = setTimeout(() => this.#run(), wait);
  }
}
