// Actions that are not saved yet, kept by the browser: they outlive a reload and a dead network.

/** One entry per event, so that two windows on one reading do not overwrite each other's. Both may
 *  send an event then; its id lets it arrive once.
 *
 * storage: localStorage or the like. owner: what no other database, user or reading has in common.
 */
export class KeptEvents {
  constructor(storage, owner) {
    this.storage = storage;
    this.prefix = `marrowscope.event.${owner}.`;
    this.last = 0;
    this.full = false;
  }

  /** Kept events in the order in which they were made. */
  load() {
    const found = [];
    for (const key of this.keys()) {
      try {
        found.push(JSON.parse(this.storage.getItem(key)));
      } catch {
        this.storage.removeItem(key); // cut off while it was written: it was never shown as kept
      }
    }
    return found;
  }

  add(event) {
    this.last = Math.max(Date.now(), this.last + 1);
    const key = `${this.prefix}${String(this.last).padStart(15, "0")}.${event.id}`;
    try {
      this.storage.setItem(key, JSON.stringify(event));
      this.full = false;
    } catch {
      this.full = true; // sent all the same; the page says that a reload would lose it
    }
  }

  remove(ids) {
    const wanted = new Set(ids);
    for (const key of this.keys()) {
      if (wanted.has(key.slice(this.prefix.length + 16))) this.storage.removeItem(key);
    }
  }

  keys() {
    const found = [];
    for (let place = 0; place < this.storage.length; place += 1) {
      const key = this.storage.key(place);
      if (key.startsWith(this.prefix)) found.push(key);
    }
    return found.sort();
  }
}
