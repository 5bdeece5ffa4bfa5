// The small picture of a cell, cut out of its sheet.

import { spritePlace } from "../logic/grid_layout.js";

/** Style of an element that shows it. */
export function pictureStyle(table, row, side) {
  const [sheet, slot] = [table.sheetOf[row], table.slotOf[row]];
  if (sheet < 0 || slot < 0) return {};
  const { position, size } = spritePlace(table.sheet, slot, side);
  return {
    backgroundImage: `url("${table.sheets[sheet]}")`,
    backgroundPosition: position,
    backgroundSize: size,
  };
}
