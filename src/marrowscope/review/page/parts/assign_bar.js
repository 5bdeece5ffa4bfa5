// What can be done with the selected cells, by mouse or finger: neighbours in maturation first.

import { html } from "../vendor/preact-htm/standalone.module.js";
import { NO_CELL } from "../logic/cell_order.js";
import { many } from "../logic/wording.js";
import { ClassSwatch, Key } from "./class_swatch.js";

export function AssignBar({
  vocabulary,
  names,
  keys,
  selection,
  codes,
  onAssign,
  onConfirm,
  onRestore,
  canConfirm,
  restoring,
  hint,
}) {
  if (!selection.cells.size) {
    return html`<div class="assign hint">${hint} <kbd>+</kbd> shows all keys.</div>`;
  }
  const near = [...new Set(codes.flatMap((code) => names.get(code)?.neighbours ?? []))].filter(
    (code) => !codes.includes(code) || codes.length > 1,
  );
  return html`<div class="assign" role="toolbar" aria-label="selected cells">
    <span class="count">${many(selection.cells.size, "cell")}</span>
    ${canConfirm ? html`<button type="button" class="primary" onClick=${onConfirm}>confirm <${Key} name="Enter" /></button>` : null}
    ${restoring ? html`<button type="button" onClick=${onRestore}>it is a cell</button>` : null}
    ${near.slice(0, 4).map(
      (
        code,
      ) => html`<button type="button" key=${code} onClick=${() => onAssign(code)} title=${names.get(code)?.name}>
      <${ClassSwatch} colour=${names.get(code)?.colour} /> ${code} <${Key} name=${keys.get(code)} /></button>`,
    )}
    <select aria-label="another class" value="" onChange=${(event) => {
      onAssign(event.target.value);
      event.target.value = "";
    }}>
      <option value="" disabled selected>to class…</option>
      ${vocabulary.classes.map((one) => html`<option key=${one.code} value=${one.code}>${one.name}</option>`)}
    </select>
    <button type="button" onClick=${() => onAssign(vocabulary.unidentified)}>can't tell <${Key} name=${keys.get(vocabulary.unidentified)} /></button>
    <button type="button" onClick=${() => onAssign(NO_CELL)}>no cell <${Key} name="Del" /></button>
  </div>`;
}
