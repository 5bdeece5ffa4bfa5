// Which cells a view shows, and in which order.

import { REMOVED, UNDECIDED } from "./cell_table.js";

export const ALL = "all";
export const OPEN = "open"; // without a class: not decided, and no answer of a model that counts
export const NO_CELL = "removed";

/** Ways to order cells, with their words on the page; the first is the usual one. */
export const ORDERS = {
  uncertain: "least certain first",
  certain: "most certain first",
  size: "largest first",
  small: "smallest first",
  place: "as they lie on the slide",
};

export const FILTERS = { every: "all", open: "not yet decided", changed: "changed by me" };

/** Rows of a view (ALL, OPEN, NO_CELL or a class code) that pass a filter, in the order of
 *  `among`; without it in table order. */
export function rowsOf(table, view, filter = "every", among = everyRow(table)) {
  const rows = [];
  const wanted =
    view === ALL
      ? null
      : view === OPEN
        ? UNDECIDED
        : view === NO_CELL
          ? REMOVED
          : (table.codeIndex.get(view) ?? NaN);
  for (const row of among) {
    const shown = table.shown(row);
    if (wanted === null ? shown === REMOVED : shown !== wanted) continue;
    if (filter === "open" && table.decided(row)) continue;
    if (filter === "changed" && !table.changed(row)) continue;
    rows.push(row);
  }
  return rows;
}

/** Numbers of all rows. */
export function everyRow(table) {
  return Array.from({ length: table.count }, (_, row) => row);
}

/** Rows in the wanted order. Cells without the value come last, equal ones as they lie.
 *  `rank` (cell id → place, best first) overrules `by`: cells most alike a chosen one. */
export function ordered(table, rows, by, rank = null) {
  const key = rank
    ? (row) => rank.get(table.id[row]) ?? Infinity
    : {
        uncertain: (row) => lowest(table.uncertainty[row], -1),
        certain: (row) => lowest(table.uncertainty[row], 1),
        size: (row) => lowest(table.size[row], -1),
        small: (row) => lowest(table.size[row], 1),
        place: (row) => row,
      }[by];
  const keys = new Float64Array(table.count);
  for (const row of rows) keys[row] = key(row);
  return rows.slice().sort((a, b) => (keys[a] === keys[b] ? a - b : keys[a] < keys[b] ? -1 : 1));
}

function lowest(value, sign) {
  return value === null || value === undefined ? Infinity : sign * value;
}

/** Undecided cells per view: class codes, and OPEN. */
export function openPerView(table) {
  const open = new Map();
  for (let row = 0; row < table.count; row += 1) {
    if (table.decided(row)) continue;
    const view = table.code(table.shown(row)) ?? OPEN;
    open.set(view, (open.get(view) ?? 0) + 1);
  }
  return open;
}

/** The next view after `view` (classes in the order of `codes`, then OPEN, then from the start)
 *  that has an undecided cell; null when none is left. */
export function nextOpenView(table, codes, view) {
  const open = openPerView(table);
  const views = [...codes, OPEN];
  const start = views.indexOf(view) + 1;
  for (let step = 0; step < views.length; step += 1) {
    const next = views[(start + step) % views.length];
    if (next !== view && open.has(next)) return next;
  }
  return null;
}
