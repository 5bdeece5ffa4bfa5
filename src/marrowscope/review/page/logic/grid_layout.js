// Where the tiles of a grid lie that is drawn only as far as it is seen. All lengths in px.

/** Layout of `count` square tiles of `side` with `gap` around each in a width. */
export function gridLayout({ count, width, side, gap }) {
  const pitch = side + gap;
  const columns = Math.max(1, Math.floor((width - gap) / pitch));
  const rows = Math.ceil(count / columns);
  return { count, side, gap, pitch, columns, rows, height: rows * pitch + gap };
}

/** Left upper corner of a tile. */
export function tilePlace(layout, index) {
  const row = Math.floor(index / layout.columns);
  const column = index % layout.columns;
  return { x: layout.gap + column * layout.pitch, y: layout.gap + row * layout.pitch };
}

/** First tile that is drawn and the one after the last, for a window at `top`; `spare` rows are
 *  drawn above and below it. */
export function drawnTiles(layout, top, height, spare = 2) {
  const first = Math.max(0, Math.floor((top - layout.gap) / layout.pitch) - spare);
  const last = Math.min(layout.rows, Math.ceil((top + height) / layout.pitch) + spare);
  return { first: first * layout.columns, end: Math.min(layout.count, last * layout.columns) };
}

/** Tile under a point, -1 for none. */
export function tileAt(layout, x, y) {
  const column = Math.floor((x - layout.gap) / layout.pitch);
  const row = Math.floor((y - layout.gap) / layout.pitch);
  if (column < 0 || row < 0 || column >= layout.columns) return -1;
  if (x - layout.gap - column * layout.pitch > layout.side) return -1;
  if (y - layout.gap - row * layout.pitch > layout.side) return -1;
  const index = row * layout.columns + column;
  return index < layout.count ? index : -1;
}

/** Tiles that a frame touches, in order. */
export function tilesIn(layout, { x0, y0, x1, y1 }) {
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)];
  const over = (value, most) => Math.min(Math.max(value, 0), most);
  const firstRow = over(Math.floor((top - layout.gap) / layout.pitch), layout.rows);
  const lastRow = over(Math.floor((bottom - layout.gap) / layout.pitch), layout.rows - 1);
  const found = [];
  for (let row = firstRow; row <= lastRow; row += 1) {
    const y = layout.gap + row * layout.pitch;
    if (y > bottom || y + layout.side < top) continue;
    for (let column = 0; column < layout.columns; column += 1) {
      const x = layout.gap + column * layout.pitch;
      const index = row * layout.columns + column;
      if (index < layout.count && x <= right && x + layout.side >= left) found.push(index);
    }
  }
  return found;
}

/** Where the window has to be so that a tile is seen whole; `top` when it already is. */
export function scrolledTo(layout, index, top, height) {
  const { y } = tilePlace(layout, index);
  if (y - layout.gap < top) return Math.max(0, y - layout.gap);
  if (y + layout.pitch > top + height) return y + layout.pitch - height;
  return top;
}

/** Place of a picture in its sheet as the CSS of a tile wants it. */
export function spritePlace(sheet, slot, side) {
  const [column, row] = [slot % sheet.columns, Math.floor(slot / sheet.columns)];
  return {
    position: `${-column * side}px ${-row * side}px`,
    size: `${sheet.columns * side}px ${sheet.rows * side}px`,
  };
}
