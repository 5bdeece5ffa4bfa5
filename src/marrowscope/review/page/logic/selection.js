// Which cells are selected, and where the cursor is. A selection is never changed, only replaced.

/** `cells` are ids; `cursor` is the id that keys start from, `anchor` the fixed end of a range. */
export const NOTHING = { cells: new Set(), cursor: null, anchor: null };

/** One cell alone. */
export function only(id) {
  return { cells: new Set([id]), cursor: id, anchor: id };
}

/** A click: alone; with ctrl in or out; with shift from the anchor to here. */
export function clicked(selection, order, id, { shift = false, ctrl = false } = {}) {
  if (shift && selection.anchor !== null && order.includes(selection.anchor)) {
    return ranged(selection, order, id, ctrl);
  }
  if (!ctrl) return only(id);
  const cells = new Set(selection.cells);
  if (!cells.delete(id)) cells.add(id);
  return { cells, cursor: id, anchor: id };
}

/** All cells inside a frame; with `more` beside those already selected. */
export function framed(selection, ids, more) {
  const cells = new Set(more ? selection.cells : []);
  for (const id of ids) cells.add(id);
  if (!ids.length) return { ...selection, cells };
  return { cells, cursor: ids[ids.length - 1], anchor: ids[0] };
}

/** Every cell of the view. */
export function everything(selection, order) {
  return {
    cells: new Set(order),
    cursor: selection.cursor ?? order[0] ?? null,
    anchor: selection.anchor ?? order[0] ?? null,
  };
}

/** The cursor moved by `step` places; with shift the range grows or shrinks. */
export function moved(selection, order, step, { shift = false } = {}) {
  if (!order.length) return NOTHING;
  const from = order.indexOf(selection.cursor);
  const to = from < 0 ? 0 : Math.min(Math.max(from + step, 0), order.length - 1);
  if (shift && selection.anchor !== null && order.includes(selection.anchor)) {
    return ranged(selection, order, order[to], false);
  }
  return only(order[to]);
}

/** After an action: cells that left the view are no longer selected, and the cursor goes to the
 *  cell that came into their place. With `step` (one cell was decided and stays) to the next. */
export function following(selection, before, after, step = false) {
  if (!after.length) return NOTHING;
  const here = new Set(after);
  const left = [...selection.cells].filter((id) => !here.has(id));
  if (!left.length) {
    if (step && selection.cells.size === 1) return moved(selection, after, 1);
    return here.has(selection.cursor) ? selection : only(after[0]);
  }
  const gone = new Set(left);
  const first = before.findIndex((id) => gone.has(id));
  for (let place = first; place < before.length; place += 1) {
    if (here.has(before[place])) return only(before[place]);
  }
  return only(after[after.length - 1]);
}

function ranged(selection, order, id, keep) {
  const [a, b] = [order.indexOf(selection.anchor), order.indexOf(id)];
  if (b < 0) return selection;
  const cells = new Set(keep ? selection.cells : []);
  for (let place = Math.min(a, b); place <= Math.max(a, b); place += 1) cells.add(order[place]);
  return { cells, cursor: id, anchor: selection.anchor };
}
