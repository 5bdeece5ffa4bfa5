// One cell large beside the gallery, with what the model thought of it and what was done to it.

import { html, useEffect, useRef, useState } from "../vendor/preact-htm/standalone.module.js";
import { UNDECIDED } from "../logic/cell_table.js";
import { decimal, when } from "../logic/wording.js";
import { contextOf, cropOf, PAUSE, useCellFacts } from "./cell_facts.js";
import { pictureStyle } from "./cell_picture.js";
import { ClassSwatch } from "./class_swatch.js";

const SHOWN = 5; // probabilities

export function CellPanel({ api, session, id, names, onZoom, onAlike, onField }) {
  const known = id !== null && session.table.row.has(id);
  const facts = useCellFacts(api, session, known ? id : null);
  if (!known) {
    return html`<section class="cell-panel" aria-label="cell"><p class="hint">Point at a cell to see it large.</p></section>`;
  }
  const { table } = session;
  const row = table.row.get(id);
  return html`<section class="cell-panel" aria-label="cell">
    <button type="button" class="large" onClick=${onZoom} title="larger, with its surroundings (space)">
      <${CropPicture} table=${table} row=${row} id=${id} />
    </button>
    <${Verdict} table=${table} row=${row} names=${names} />
    <${Probabilities} facts=${facts} names=${names} />
    ${facts?.note ? html`<p class="warning">${facts.note}</p>` : null}
    <div class="buttons">
      ${onAlike ? html`<button type="button" onClick=${() => onAlike(id)} title="order the view by likeness to this cell">most alike first</button>` : null}
      <button type="button" onClick=${() => onField(id)} title="the cell in its field">in the field</button>
    </div>
    <${Comment} key=${id} session=${session} id=${id} text=${session.comments.get(id) ?? facts?.comment ?? ""} />
    <${History} facts=${facts} />
  </section>`;
}

/** The crop, or why there is none. The small picture out of the sheet is there at once; the crop
 *  takes its place when the reader stays, so that a quick hand does not fetch hundreds. */
export function CropPicture({ table, row, id, side = 240 }) {
  const [stays, setStays] = useState(null);
  useEffect(() => {
    const timer = setTimeout(() => setStays(id), PAUSE);
    return () => clearTimeout(timer);
  }, [id]);
  if (table.slotOf[row] < 0 && table.x[row] === null) return html`<span class="no-crop">no picture</span>`;
  return html`<span class="crop" style=${{ width: `${side}px`, height: `${side}px`, ...pictureStyle(table, row, side) }}>
    ${stays === id ? html`<img key=${id} src=${cropOf(id)} width=${side} height=${side} alt="the cell" draggable=${false} />` : null}
  </span>`;
}

/** What the cell is now, and whether model or reader said so. */
export function Verdict({ table, row, names }) {
  const code = table.code(table.shown(row));
  const state = table.state[row];
  const likely = table.likely(row);
  const said =
    state === UNDECIDED
      ? code
        ? "suggested"
        : likely
          ? `most likely ${names.get(likely)?.name ?? likely}`
          : ""
      : table.changed(row)
        ? `decided; the model said ${table.codes[table.predicted[row]]}`
        : "decided";
  return html`<p class="verdict">
    <${ClassSwatch} colour=${names.get(code)?.colour} />
    <strong>${state === -2 ? "no cell" : (names.get(code)?.name ?? code ?? (likely ? "not classified" : "not decided"))}</strong>
    <span class="said">${said}</span>
  </p>`;
}

export function Probabilities({ facts, names }) {
  if (!facts?.probabilities) return null;
  return html`<ul class="probabilities" aria-label="the model's probabilities">
    ${facts.probabilities.slice(0, SHOWN).map(
      ([code, share]) => html`<li key=${code}>
      <span class="code">${code}</span>
      <span class="bar" aria-hidden="true"><span style=${{ width: `${100 * share}%`, background: names.get(code)?.colour ?? "#888" }}></span></span>
      <span class="share">${decimal(100 * share)} %</span>
    </li>`,
    )}
  </ul>`;
}

/** A remark on a cell; it is kept on Enter and when the field is left. */
export function Comment({ session, id, text }) {
  const [value, setValue] = useState(text);
  const touched = useRef(false);
  useEffect(() => {
    if (!touched.current) setValue(text);
  }, [text]);
  const keep = () => {
    if (!touched.current) return;
    touched.current = false;
    session.comment(id, value);
  };
  return html`<label class="comment">comment
    <input id="comment" type="text" maxlength="2000" value=${value} placeholder="Ctrl+M; Enter keeps it"
      onInput=${(event) => {
        touched.current = true;
        setValue(event.target.value);
      }} onBlur=${keep}
      onKeyDown=${(event) => {
        if (event.key === "Enter" || event.key === "Escape") {
          keep();
          event.target.blur();
          focusGrid();
        }
      }} />
  </label>`;
}

/** Back to the cells, so that the next key counts. */
export function focusGrid() {
  document.querySelector("[data-home]")?.focus({ preventScroll: true });
}

function History({ facts }) {
  if (!facts?.history?.length) return null;
  return html`<details class="history"><summary>history (${facts.history.length})</summary>
    <ol>${facts.history.map((one) => html`<li key=${one.seq}>${when(one.time)} ${one.user?.display ?? one.user}: ${one.kind} ${one.old ?? ""} → ${one.new ?? ""}</li>`)}</ol>
  </details>`;
}

/** Four times as large, crisp, beside its surroundings. */
export function CellZoom({ api, session, id, names, onClose }) {
  const ref = useRef(null);
  const facts = useCellFacts(api, session, id);
  const { table } = session;
  const row = table.row.get(id);
  useEffect(() => {
    ref.current.focus();
  }, []);
  return html`<div class="zoom" ref=${ref} tabindex="-1" role="dialog" aria-label="the cell large" onClick=${onClose}>
    <figure><${CropPicture} table=${table} row=${row} id=${id} side=${500} /></figure>
    ${
      table.x[row] === null
        ? null
        : html`<figure class="context">
      <img key=${id} src=${contextOf(id, 500)} width="500" height="500" alt="surroundings of the cell" />
      <span class="ring" aria-hidden="true"></span></figure>`
    }
    <aside>
      <${Verdict} table=${table} row=${row} names=${names} />
      <${Probabilities} facts=${facts} names=${names} />
      <p class="hint">Space or Esc closes; arrows go on; class keys work here, too.</p>
    </aside>
  </div>`;
}
