// What a reader set for this browser: keys, size of pictures, light or dark.

import { keyMap } from "../logic/key_map.js";

const USUAL = { theme: "system", side: 96, keys: {}, layout: "letters", proposal: false, beep: true, target: 200 };

/** Preferences in a storage; what cannot be read there is as usual. */
export class Preferences {
  constructor(storage) {
    this.storage = storage;
    this.listeners = new Set();
    let kept = {};
    try {
      kept = JSON.parse(storage.getItem("marrowscope.preferences") ?? "{}");
    } catch {
      /* damaged: as usual */
    }
    this.values = { ...USUAL, ...kept };
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values = { ...this.values, [name]: value };
    try {
      this.storage.setItem("marrowscope.preferences", JSON.stringify(this.values));
    } catch {
      /* full or forbidden: holds until the page is closed */
    }
    for (const listener of this.listeners) listener();
  }

  /** The keys of the classes. */
  keyMap(vocabulary) {
    return keyMap(vocabulary, this.values.keys, this.values.layout);
  }

  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
