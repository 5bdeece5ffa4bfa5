// One reading as the page holds it: its cells, what the reader does, what is on its way.

import { CellTable, joinPages, REMOVED, UNDECIDED } from "../logic/cell_table.js";
import { EventQueue } from "../logic/event_queue.js";
import { UndoHistory } from "../logic/undo_history.js";
import { KeptEvents } from "./kept_events.js";

const POLL = 5000; // ms between looks for changes made elsewhere
const LONGEST_LOOK = 120; // s; who takes longer for a cell was elsewhere
const PAGE = 20000; // cells of one answer

/** Fetch a reading with all its cells. `smear` and `reading` are as the server describes them. */
export async function openReading({ api, smear, reading, user, stores, ids }) {
  const pages = [];
  let after = 0;
  do {
    const page = await api.get(`/api/readings/${reading.id}/cells?after=${after}&limit=${PAGE}`);
    pages.push(page);
    after = page.next;
  } while (after);
  return new ReadingSession({ api, smear, reading, user, stores, ids, answer: joinPages(pages) });
}

/** In an event a label is a code, null (not decided) or false (no cell). */
export class ReadingSession {
  constructor({ api, smear, reading, user, stores, ids, answer }) {
    Object.assign(this, { api, smear, reading, ids });
    this.table = new CellTable(answer);
    this.seq = answer.seq;
    this.version = 0;
    this.listeners = new Set();
    this.notices = [];
    this.adds = new Map(); // id of the event → {code, active, place}, until the cell has an id
    this.comments = new Map(); // written here, by cell
    this.lastAction = null;
    // Times in it: a port of this machine may serve another database tomorrow.
    const owner = [smear.created, reading.started, smear.id, reading.id, user?.id].join("|");
    this.kept = new KeptEvents(stores.local, owner);
    this.historyStore = { store: stores.session, key: `marrowscope.history.${owner}` };
    this.history = new UndoHistory(this.loadHistory());
    this.queue = new EventQueue({
      send: (events) => api.post(`/api/readings/${reading.id}/events`, { events, since: this.seq }),
      keep: this.kept,
      timer: {
        later: (task, ms) => {
          const id = setTimeout(task, ms);
          return () => clearTimeout(id);
        },
      },
      on: { changed: () => this.changed(), answered: (answer2, batch) => this.answered(answer2, batch) },
    });
    for (const event of this.queue.events) this.replay(event);
  }

  get closed() {
    return Boolean(this.reading.submitted) || !this.reading.mine;
  }

  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed() {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }

  notice(text) {
    this.notices = [...this.notices.slice(-2), { id: this.ids(), text }];
    this.changed();
  }

  dismiss(id) {
    this.notices = this.notices.filter((one) => one.id !== id);
    this.changed();
  }

  // What the reader does.

  label(cells, code) {
    return this.act({ kind: "label", code }, cells, () => code, code);
  }

  /** Take over what the model answered; of several cells none may be near a decision unless
   *  the reader looked at each (`looked`). */
  confirm(cells, looked) {
    const able = cells.filter((id) => this.table.predicted[this.table.row.get(id)] >= 0);
    const answer = (row) => this.table.codes[this.table.predicted[row]];
    return this.act(looked ? { kind: "confirm", force: true } : { kind: "confirm" }, able, answer, "confirm");
  }

  remove(cells) {
    return this.act({ kind: "remove" }, cells, () => false, "no cell");
  }

  restore(cells) {
    const removed = cells.filter((id) => this.table.state[this.table.row.get(id)] === REMOVED);
    return this.act({ kind: "restore" }, removed, () => null, "restore");
  }

  comment(id, text) {
    this.table.comment[this.table.row.get(id)] = text.trim() ? 1 : 0;
    this.comments.set(id, text.trim());
    this.queue.push({ id: this.ids(), kind: "comment", cells: [id], text, changes: [] });
  }

  /** A missed cell at a place, or one of the counter without a picture. */
  add(code, { field = null, x = null, y = null, box = null } = {}) {
    const id = this.ids();
    const event = { id, kind: "add", code, field, ...(x === null ? {} : { x, y, box }) };
    this.adds.set(id, { code, active: true, place: { field, x, y, box } });
    this.push({ event: id, text: code, cells: [], root: id }, { ...event, root: id, changes: [] });
    return id;
  }

  undo() {
    return this.back(this.history.undo(this.peekId()));
  }

  redo() {
    return this.back(this.history.redo(this.peekId()));
  }

  // How it is done.

  act(event, cells, label, text) {
    if (this.closed) return this.notice("This reading is closed: nothing was changed.");
    const changes = [];
    for (const id of cells) {
      const row = this.table.row.get(id);
      const before = this.wire(this.table.state[row]);
      const after = label(row);
      if (before !== after) changes.push([id, before, after]);
    }
    if (!changes.length) return null;
    const id = this.ids();
    const touched = changes.map(([one]) => one);
    this.apply(changes);
    this.push({ event: id, text, cells: changes }, { id, ...event, cells: touched, changes });
    return id;
  }

  push(step, event) {
    const now = Date.now();
    const seconds = this.lastAction === null ? null : (now - this.lastAction) / 1000;
    if (seconds !== null && seconds <= LONGEST_LOOK) event.elapsed = seconds;
    this.lastAction = now;
    this.history.push(step);
    this.saveHistory();
    this.queue.push(event);
  }

  back(step) {
    if (!step || this.closed) return null;
    this.apply(step.cells);
    const add = step.root ? this.adds.get(step.root) : null;
    if (add) add.active = !add.active;
    this.saveHistory();
    this.queue.push({ id: this.spent(), kind: "undo", of: step.of, root: step.root, changes: step.cells });
    return step;
  }

  /** The id that the next undo will have: history and queue must name the same event. */
  peekId() {
    this.nextId ??= this.ids();
    return this.nextId;
  }

  spent() {
    const id = this.nextId;
    this.nextId = null;
    return id;
  }

  wire(state) {
    return state === REMOVED ? false : this.table.code(state);
  }

  apply(changes, side = 2) {
    for (const change of changes) this.set(change[0], change[side]);
  }

  set(id, label) {
    const row = this.table.row.get(id);
    if (row === undefined) return false;
    const state = label === false ? REMOVED : label === null ? UNDECIDED : this.table.indexOf(label);
    const differs = this.table.state[row] !== state;
    this.table.state[row] = state;
    return differs;
  }

  replay(event) {
    if (event.kind === "add") {
      const { code, field, x = null, y = null, box = null } = event;
      this.adds.set(event.id, { code, active: true, place: { field, x, y, box } });
    } else if (event.kind === "undo" && event.root && this.adds.has(event.root)) {
      const add = this.adds.get(event.root);
      add.active = !add.active;
    }
    this.apply(event.changes ?? []);
  }

  // What the server says.

  answered(answer, batch) {
    const asked = new Map(batch.map((event) => [event.id, event]));
    const unsaved = this.queue.unsaved;
    for (const result of answer.results) {
      const event = asked.get(result.id);
      if (result.status === "refused") this.refused(event, result.reason, unsaved);
      if (event.kind === "add" && result.cell) this.named(event, result.cell);
      for (const [id, code, removed] of result.cells ?? []) {
        if (!unsaved.has(id)) this.set(id, removed ? false : code);
      }
      if (result.skipped?.length) {
        this.notice(`${result.skipped.length} of these cells were changed since and stay as they are.`);
      }
    }
    this.others(answer.others ?? [], unsaved);
    this.seq = Math.max(this.seq, answer.seq);
  }

  named(event, id) {
    const add = this.adds.get(event.id);
    const { field, x, y, box } = add.place;
    const index = this.table.fields.findIndex((one) => one.id === field);
    const state = add.active ? this.table.indexOf(add.code) : REMOVED;
    this.table.append({ id, field: index, x, y, box, state });
    this.adds.delete(event.id);
    this.history.named(event.id, id, add.code);
    this.saveHistory();
  }

  refused(event, reason, unsaved) {
    this.history.forget(event.id);
    this.saveHistory();
    this.adds.delete(event.id);
    this.apply(
      (event.changes ?? []).filter(([id]) => !unsaved.has(id)),
      1,
    );
    this.notice(`Not saved: ${reason}.`);
  }

  others(changes, unsaved) {
    let seen = 0;
    for (const [id, code, removed] of changes) {
      if (unsaved.has(id)) continue;
      if (this.set(id, removed ? false : code)) seen += 1;
    }
    if (seen) this.notice(`${seen === 1 ? "1 cell was" : `${seen} cells were`} changed elsewhere.`);
  }

  /** Look for changes made elsewhere, as long as the page is open; returns what ends it. */
  poll() {
    const timer = setInterval(async () => {
      if (this.queue.waiting || document.hidden) return;
      try {
        const answer = await this.api.get(`/api/readings/${this.reading.id}/changes?since=${this.seq}`);
        if (this.queue.waiting) return;
        this.others(answer.cells, this.queue.unsaved);
        if (answer.seq > this.seq) {
          this.seq = answer.seq;
          this.changed();
        }
      } catch {
        /* the next look will tell */
      }
    }, POLL);
    return () => clearInterval(timer);
  }

  /** The page is being left: send what waits, as far as the browser lets it. */
  leave() {
    this.writeHistory();
    return this.queue.flush();
  }

  /** Give up what the server will not take: the page is as if it had not been done. */
  discard() {
    for (const event of [...this.queue.events].reverse()) {
      this.apply(event.changes ?? [], 1);
      this.adds.delete(event.id);
    }
    this.queue.discard();
    this.history = new UndoHistory();
    this.saveHistory();
  }

  /** Cells per class, with those that are added but have no id yet. */
  tally() {
    const tally = this.table.tally();
    for (const { code, active } of this.adds.values()) {
      if (!active) continue;
      tally.classes.set(code, (tally.classes.get(code) ?? 0) + 1);
      tally.reviewed += 1;
    }
    return tally;
  }

  loadHistory() {
    try {
      return JSON.parse(this.historyStore.store.getItem(this.historyStore.key)) ?? {};
    } catch {
      return {};
    }
  }

  /** Soon: keys must not wait for it. */
  saveHistory() {
    this.historyTimer ??= setTimeout(() => this.writeHistory(), 300);
  }

  writeHistory() {
    clearTimeout(this.historyTimer);
    this.historyTimer = null;
    try {
      this.historyStore.store.setItem(this.historyStore.key, JSON.stringify(this.history.plain));
    } catch {
      /* too long to keep: undo then ends at a reload */
    }
  }
}
