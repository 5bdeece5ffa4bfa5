// The classes beside the gallery: how many, how sure the share is, and the key that assigns them.

import { html } from "../vendor/preact-htm/standalone.module.js";
import { ALL, NO_CELL, OPEN } from "../logic/cell_order.js";
import { decimal, interval } from "../logic/wording.js";
import { ClassSwatch, Key } from "./class_swatch.js";

const WORDS = { [ALL]: "all cells", [NO_CELL]: "no cell" };

/** count: of `differential`; open: undecided cells per class code; over: the class under a drag. */
export function ClassRail({ vocabulary, table, tally, count, open, keys, view, over, onView }) {
  const shares = new Map(count.classes.map((one) => [one.code, one]));
  const foreign = table.codes
    .filter(
      (code) => !vocabulary.classes.some((one) => one.code === code) && code !== vocabulary.unidentified,
    )
    .map((code) => ({ code, name: code, lineage: "other scheme" }));
  const groups = grouped([...vocabulary.classes, ...foreign]);
  const entry = (one) => html`<${Entry} key=${one.code} code=${one.code} name=${one.name} colour=${one.colour}
    number=${tally.classes.get(one.code) ?? 0} share=${shares.get(one.code)} open=${open.get(one.code) ?? 0}
    shortcut=${keys.get(one.code)} current=${view === one.code} over=${over === one.code} onView=${onView} />`;
  return html`<nav class="rail" aria-label="classes">
    <div class="heads" aria-hidden="true"><span></span><span>n</span><span>%</span><span>95 %</span><span>key</span></div>
    <ul>
      <${Entry} code=${ALL} name=${WORDS[ALL]} number=${table.count - tally.removed} open=${tally.unreviewed}
        current=${view === ALL} onView=${onView} />
      ${
        tally.unsure || view === OPEN
          ? html`<${Entry} code=${OPEN} name=${table.blinded ? "not decided" : "not classified"} number=${tally.unsure}
        open=${tally.unsure} current=${view === OPEN} onView=${onView} />`
          : null
      }
    </ul>
    ${[...groups].map(
      ([lineage, members]) => html`<h2 key=${lineage}>${lineage}</h2>
      <ul>${members.map(entry)}</ul>`,
    )}
    <h2>aside</h2>
    <ul>
      ${entry({ code: vocabulary.unidentified, name: "can't tell" })}
      <${Entry} code=${NO_CELL} name=${WORDS[NO_CELL]} number=${tally.removed} open=${0} shortcut="Del"
        current=${view === NO_CELL} over=${over === NO_CELL} onView=${onView} />
    </ul>
  </nav>`;
}

function Entry({ code, name, colour, number, share, open, shortcut, current, over, onView }) {
  const done = number - open;
  return html`<li>
    <button type="button" data-class=${code} class="${current ? "current" : ""} ${over ? "over" : ""} ${number ? "" : "none"}"
      aria-current=${current ? "true" : null} onClick=${() => onView(code)}
      title=${`${name}: ${number}, ${open} not decided`}>
      <span class="name">${colour ? html`<${ClassSwatch} colour=${colour} />` : html`<span class="swatch"></span>`}
        ${name}</span>
      <span class="number">${number}</span>
      <span class="percent">${share && number ? decimal(share.percent) : ""}</span>
      <span class="interval">${share && number ? interval(share.low, share.high, share.high < 9.95 ? 1 : 0) : ""}</span>
      <${Key} name=${shortcut} />
      <span class="done" aria-hidden="true"><span style=${{ width: number ? `${(100 * done) / number}%` : "0" }}></span></span>
    </button>
  </li>`;
}

function grouped(members) {
  const groups = new Map();
  for (const one of members) groups.set(one.lineage, [...(groups.get(one.lineage) ?? []), one]);
  return groups;
}
