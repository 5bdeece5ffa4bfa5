// Actions on their way to the server: each arrives once, in its order, whatever the network does.

/** Most events and cells in one request. */
const MOST_EVENTS = 200;
const MOST_CELLS = 20000;
const WAIT = 200; // ms that actions are collected
const RETRIES = [500, 1000, 2000, 4000, 5000]; // ms after a failure

/** What a queue is doing. */
export const SAVED = "saved";
export const SAVING = "saving";
export const OFFLINE = "offline"; // tries again by itself
export const STOPPED = "stopped"; // the server says no to all; a person has to do something

/** A queue keeps its events until the server has committed them.
 *
 * send(events) → promise of {results: [{id, status, …}]}; it fails with an error that has `status`
 * (0: no answer). keep has load(), add(event), remove(ids). timer has later(task, ms) → stop().
 * on has changed(), answered(answer, events).
 */
export class EventQueue {
  constructor({ send, keep, timer, on }) {
    Object.assign(this, { send, keep, timer, on });
    this.events = keep.load();
    this.state = this.events.length ? SAVING : SAVED;
    this.reason = null;
    this.fails = 0;
    this.sending = false;
    this.stop = null;
    if (this.events.length) this.schedule(0);
  }

  get waiting() {
    return this.events.length;
  }

  /** Cells that an event touches which is not yet saved. */
  get unsaved() {
    return new Set(this.events.flatMap((event) => (event.changes ?? []).map(([id]) => id)));
  }

  push(event) {
    this.keep.add(event);
    this.events.push(event);
    if (this.state === SAVED) this.state = SAVING;
    if (!this.sending && this.fails === 0 && this.state !== STOPPED) this.schedule(WAIT);
    this.on.changed();
  }

  /** Send now: the page is being left, or the network is back. */
  flush() {
    if (this.state === STOPPED) this.state = SAVING;
    this.fails = 0;
    if (!this.sending && this.events.length) return this.deliver();
    return Promise.resolve();
  }

  /** Forget what waits; only a person decides that. */
  discard() {
    this.keep.remove(this.events.map((event) => event.id));
    this.events = [];
    this.state = SAVED;
    this.reason = null;
    this.on.changed();
  }

  schedule(ms) {
    if (this.stop) {
      if (ms > 0 && this.fails === 0) return; // one is under way, and collects this one too
      this.stop();
    }
    this.stop = this.timer.later(() => this.deliver(), ms);
  }

  async deliver() {
    this.stop?.();
    this.stop = null;
    if (this.sending || !this.events.length) return;
    this.sending = true;
    const batch = nextBatch(this.events);
    try {
      this.take(await this.send(batch.map(asSent)), batch);
    } catch (error) {
      this.failed(error);
    }
    this.sending = false;
    if (this.state === STOPPED) return;
    if (this.fails) this.schedule(RETRIES[Math.min(this.fails, RETRIES.length) - 1]);
    else if (this.events.length) this.schedule(0);
  }

  take(answer, batch) {
    const done = new Set(answer.results.map((result) => result.id));
    this.keep.remove([...done]);
    this.events = this.events.filter((event) => !done.has(event.id));
    this.fails = 0;
    this.reason = null;
    this.state = this.events.length ? SAVING : SAVED;
    this.on.answered(answer, batch);
    this.on.changed();
  }

  failed(error) {
    this.reason = error.message;
    // No answer, or a server that is busy or on its way down: try again. Else it will not help.
    const passing = !error.status || error.status >= 500 || error.status === 429;
    this.fails += passing ? 1 : 0;
    this.state = passing ? OFFLINE : STOPPED;
    this.on.changed();
  }
}

/** The first events of a queue that fit into one request. */
export function nextBatch(events) {
  const batch = [];
  let cells = 0;
  for (const event of events) {
    cells += event.cells?.length ?? 0;
    if (batch.length && (batch.length >= MOST_EVENTS || cells > MOST_CELLS)) break;
    batch.push(event);
  }
  return batch;
}

/** What the server gets: without `changes` and `root`, which only the page needs. */
function asSent({ changes, root, ...event }) {
  return event;
}
