// The sign of a class: its lineage's colour with its code, so that colour is never alone.

import { html } from "../vendor/preact-htm/standalone.module.js";

export function ClassSwatch({ colour }) {
  return html`<span class="swatch" style=${{ background: colour ?? "#888888" }} aria-hidden="true"></span>`;
}

/** A key as it is printed on the keyboard. */
export function Key({ name }) {
  return name ? html`<kbd>${name}</kbd>` : null;
}
