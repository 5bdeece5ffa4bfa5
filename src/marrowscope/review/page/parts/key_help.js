// All keys, and the reader's own ones.

import { html, useEffect, useRef, useState } from "../vendor/preact-htm/standalone.module.js";
import { allowed, keypad, LAYOUTS, withKey } from "../logic/key_map.js";
import { useChanges } from "./hooks.js";

const COMMANDS = [
  ["← → ↑ ↓", "to the next cell; with Shift a range, with Ctrl+↑ ↓ the class before or after"],
  ["Enter", "confirm what is selected"],
  ["Shift+Enter", "confirm the rest of this class, then on to the next class"],
  ["Del", "there is no cell"],
  ["Ctrl+A", "select all of the view"],
  ["Space", "the cell large, with its surroundings"],
  ["Ctrl+Z, Ctrl+Y", "undo, redo"],
  ["Ctrl+M", "comment"],
  ["Ctrl+L", "most alike first"],
  ["+", "these keys"],
];

export function KeyHelp({ vocabulary, preferences, onClose }) {
  useChanges(preferences);
  const ref = useRef(null);
  const [changing, setChanging] = useState(null);
  useEffect(() => {
    ref.current.showModal();
  }, []);
  const map = preferences.keyMap(vocabulary);
  const names = new Map(vocabulary.classes.map((one) => [one.code, one.name]));
  const pressed = (event) => {
    if (!changing || event.key === "Tab" || event.key === "Escape") return;
    event.preventDefault();
    const key = event.key.toLowerCase();
    if (!allowed(key)) return;
    preferences.set("keys", withKey(vocabulary, preferences.get("keys"), changing, key, preferences.get("layout")));
    setChanging(null);
  };
  return html`<dialog class="keys" ref=${ref} aria-labelledby="keys-title" onClose=${onClose} onKeyDown=${pressed}>
    <h2 id="keys-title">Keys</h2>
    <dl class="commands">${COMMANDS.map(([key, words]) => html`<dt key=${key}><kbd>${key}</kbd></dt><dd>${words}</dd>`)}</dl>
    <h3>Classes</h3>
    <label>layout <select value=${preferences.get("layout")} onChange=${(event) => { preferences.set("keys", {}); preferences.set("layout", event.target.value); }}>
      ${Object.entries(LAYOUTS).map(([key, words]) => html`<option key=${key} value=${key} selected=${preferences.get("layout") === key}>${words}</option>`)}
    </select></label>
    <p class="hint">${changing ? `Press the new key of ${names.get(changing) ?? "can't tell"}.` : "Choose a class to give it another key."}</p>
    <ul class="class-keys">${[...map.keys].map(
      ([code, key]) => html`<li key=${code}>
      <button type="button" class=${changing === code ? "current" : ""} aria-pressed=${changing === code ? "true" : "false"}
        onClick=${() => setChanging(code)}><kbd>${key}</kbd> ${names.get(code) ?? "can't tell"}</button></li>`,
    )}</ul>
    <div class="buttons">
      <button type="button" onClick=${() => preferences.set("keys", {})}>usual keys</button>
      <button type="button" class="primary" onClick=${() => ref.current.close()}>close</button>
    </div>
  </dialog>`;
}

/** Where a long name may be broken. */
function hyphenated(name) {
  return name.replace(/(?<=\w{4})(cyte|blast|phil|able)/g, "\u00AD$1");
}

/** The class keys as they lie on the keyboard; a press with the mouse is a press of the key. */
export function Keypad({ vocabulary, map, counts, pressed, onClass }) {
  const names = new Map(vocabulary.classes.map((one) => [one.code, one]));
  return html`<div class="keypad" role="group" aria-label="classes on the keyboard">
    ${keypad(map).map(
      (row, place) => html`<div class="row" key=${place}>
      ${row.map(({ key, code }) =>
        code === null
          ? html`<span class="blank" key=${key} aria-hidden="true"></span>`
          : html`<button type="button" key=${key} class=${pressed === code ? "pressed" : ""} tabindex="-1"
            style=${{ "--class-colour": names.get(code)?.colour ?? "#888888" }} onClick=${() => onClass(code)}>
          <kbd>${key}</kbd>
          <span class="class">${hyphenated(names.get(code)?.name ?? "can't tell")}</span>
          ${counts ? html`<span class="number">${counts.get(code) ?? 0}</span>` : null}
        </button>`,
      )}
    </div>`,
    )}
  </div>`;
}
