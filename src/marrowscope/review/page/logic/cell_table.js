// The cells of one reading, by columns: what the model answered and what the reader decided.

/** State of a cell nobody has decided on. */
export const UNDECIDED = -1;
/** State of a place where there is no cell. */
export const REMOVED = -2;

const PARTS = [
  "id",
  "field",
  "x",
  "y",
  "box",
  "sheet",
  "slot",
  "predicted",
  "confidence",
  "uncertainty",
  "size",
  "label",
  "removed",
  "comment",
  "added",
  "stamp",
  "unsure",
  "votes",
];

/** Several answers of the server for one reading → one, as if it had come at once. */
export function joinPages(pages) {
  const first = pages[0];
  const codes = [...new Set(pages.flatMap((page) => page.codes))];
  const place = new Map(codes.map((code, index) => [code, index]));
  const columns = {};
  for (const part of PARTS) {
    if (!first.columns[part]) continue;
    columns[part] = pages.flatMap((page) => {
      const moved = (index) => (index >= 0 ? place.get(page.codes[index]) : index);
      if (part === "label" || part === "predicted") return page.columns[part].map(moved);
      if (part === "votes") return page.columns[part].map((votes) => votes?.map(moved));
      return page.columns[part];
    });
  }
  return { ...first, codes, columns, next: null };
}

/** Rows are numbered from 0; `state[row]` is an index into `codes`, UNDECIDED or REMOVED. */
export class CellTable {
  constructor(answer) {
    const { columns } = answer;
    const count = columns.id.length;
    this.codes = answer.codes;
    this.codeIndex = new Map(answer.codes.map((code, index) => [code, index]));
    this.blinded = Boolean(answer.blinded);
    this.sheets = answer.sheets;
    this.sheet = answer.sheet;
    this.fields = answer.fields ?? [];
    this.id = Array.from(columns.id);
    this.row = new Map(this.id.map((id, row) => [id, row]));
    this.state = columns.label.map((label, row) => (columns.removed[row] ? REMOVED : label));
    this.predicted = columns.predicted ?? new Array(count).fill(UNDECIDED);
    for (const part of ["confidence", "uncertainty", "size"]) {
      this[part] = columns[part] ?? new Array(count).fill(null);
    }
    // unsure: the model's answer lies below the threshold of the count, which does not count it.
    for (const part of ["comment", "added", "stamp", "unsure"]) {
      this[part] = columns[part] ?? new Array(count).fill(0);
    }
    for (const part of ["field", "sheet", "slot"]) {
      this[part + "Of"] = columns[part] ?? new Array(count).fill(-1);
    }
    this.x = columns.x ?? new Array(count).fill(null);
    this.y = columns.y ?? new Array(count).fill(null);
    this.box = columns.box ?? new Array(4 * count).fill(null);
    this.votes = columns.votes ?? null;
  }

  get count() {
    return this.id.length;
  }

  /** Index of the class a cell is shown in: as decided, else as the count has it; or a state. */
  shown(row) {
    const state = this.state[row];
    if (state !== UNDECIDED) return state;
    return this.unsure[row] ? UNDECIDED : this.predicted[row];
  }

  /** Code of the class a cell is, or most likely is; null when nobody said. */
  likely(row) {
    const state = this.state[row];
    return this.code(state === UNDECIDED ? this.predicted[row] : state);
  }

  /** Whether the reader decided on the cell. */
  decided(row) {
    return this.state[row] !== UNDECIDED;
  }

  /** Whether the reader decided otherwise than the model. */
  changed(row) {
    const state = this.state[row];
    return state !== UNDECIDED && this.predicted[row] >= 0 && state !== this.predicted[row];
  }

  /** Code of a state; null for what is undecided or removed. */
  code(state) {
    return state >= 0 ? this.codes[state] : null;
  }

  /** State of a label as the server writes it. */
  stateOf(code, removed) {
    if (removed) return REMOVED;
    return code === null || code === undefined ? UNDECIDED : this.indexOf(code);
  }

  /** Index of a class; one that is new here is added at the end. */
  indexOf(code) {
    let index = this.codeIndex.get(code);
    if (index === undefined) {
      index = this.codes.length;
      this.codes = [...this.codes, code];
      this.codeIndex.set(code, index);
    }
    return index;
  }

  /** Where a cell is, [x0, y0, x1, y1] in pixels of its picture; null without a place. */
  boxOf(row) {
    const box = this.box.slice(4 * row, 4 * row + 4);
    if (box[0] !== null && box[0] !== undefined) return box;
    if (this.x[row] === null) return null;
    const half = 60;
    const [x, y] = [this.x[row], this.y[row]];
    return [x - half, y - half, x + half, y + half];
  }

  /** Append a cell that a reader added. */
  append({ id, field = -1, x = null, y = null, box = null, state }) {
    if (this.row.has(id)) return this.row.get(id);
    const row = this.count;
    this.id.push(id);
    this.row.set(id, row);
    this.state.push(state);
    this.predicted.push(UNDECIDED);
    for (const part of ["confidence", "uncertainty", "size"]) this[part].push(null);
    for (const part of ["comment", "stamp", "unsure"]) this[part].push(0);
    this.added.push(1);
    this.fieldOf.push(field);
    this.sheetOf.push(-1);
    this.slotOf.push(-1);
    this.x.push(x);
    this.y.push(y);
    this.box.push(...(box ?? [null, null, null, null]));
    if (this.votes) this.votes.push(null);
    return row;
  }

  /** Cells per class (by code), and how many are decided, open, without class, or no cells. */
  tally() {
    const classes = new Map();
    let [reviewed, unreviewed, unsure, removed, changed] = [0, 0, 0, 0, 0];
    for (let row = 0; row < this.count; row += 1) {
      if (this.state[row] === UNDECIDED) unreviewed += 1;
      else reviewed += 1;
      const shown = this.shown(row);
      if (shown === REMOVED) removed += 1;
      else if (shown === UNDECIDED) unsure += 1;
      else classes.set(this.codes[shown], (classes.get(this.codes[shown]) ?? 0) + 1);
      if (this.changed(row)) changed += 1;
    }
    return { classes, reviewed, unreviewed, unsure, removed, changed };
  }
}
