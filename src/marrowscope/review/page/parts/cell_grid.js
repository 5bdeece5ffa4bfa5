// Cells as tiles, of which only those in sight are drawn.

import {
  Component,
  html,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "../vendor/preact-htm/standalone.module.js";
import { drawnTiles, gridLayout, scrolledTo, tilePlace } from "../logic/grid_layout.js";
import { REMOVED, UNDECIDED } from "../logic/cell_table.js";
import { pictureStyle } from "./cell_picture.js";
import { useSize } from "./hooks.js";
import { useGridPointer } from "./grid_pointer.js";

const BORDER = 3; // px around the picture
const GAP = 2;

/** order: cell ids in their order; names: class code → its name and colour; unsaved: cells with
 *  an action that is not saved yet. */
export function CellGrid({
  session,
  order,
  names,
  side,
  withCode,
  selection,
  unsaved,
  onSelect,
  onHover,
  onDrag,
  onDrop,
  gridRef,
}) {
  const own = useRef(null);
  const ref = gridRef ?? own;
  const { width, height } = useSize(ref);
  const [top, setTop] = useState(0);
  const layout = gridLayout({ count: order.length, width, side: side + 2 * BORDER, gap: GAP });
  ref.layout = layout;
  const scrolled = useRef(null);
  const onScroll = () => {
    scrolled.current ??= requestAnimationFrame(() => {
      scrolled.current = null;
      if (ref.current) setTop(ref.current.scrollTop);
    });
  };
  const cursor = selection.cursor === null ? -1 : order.indexOf(selection.cursor);
  useLayoutEffect(() => {
    if (cursor < 0 || !height) return;
    const to = scrolledTo(layout, cursor, ref.current.scrollTop, height);
    if (to !== ref.current.scrollTop) {
      ref.current.scrollTop = to;
      setTop(to);
    }
  }, [selection.cursor, order, layout.columns, height]);
  const pointer = useGridPointer({ ref, layout, order, selection, onSelect, onHover, onDrag, onDrop });
  usePreloadedSheets(session.table, order);
  const { first, end } = drawnTiles(layout, top, height);
  const tiles = [];
  for (let place = first; place < end; place += 1) {
    tiles.push(tileOf(session, order[place], place, { layout, names, side, withCode, selection, unsaved }));
  }
  return html`<div class="grid" ref=${ref} tabindex="0" data-home role="listbox" aria-multiselectable="true"
      aria-label=${`${order.length} cells`} aria-activedescendant=${cursor >= first && cursor < end ? `cell-${selection.cursor}` : null}
      onScroll=${onScroll} ...${pointer.handlers}>
    <div class="canvas" role="presentation" style=${{ height: `${layout.height}px` }}>
      ${tiles}
      ${pointer.frame ? html`<div class="frame" style=${pointer.frame}></div>` : null}
    </div>
    ${order.length ? null : html`<p class="empty">No cell is here.</p>`}
  </div>`;
}

function tileOf(session, id, place, { layout, names, side, withCode, selection, unsaved }) {
  const { table } = session;
  const row = table.row.get(id);
  const { x, y } = tilePlace(layout, place);
  return html`<${Tile} key=${id} id=${id} x=${x} y=${y} place=${place} total=${layout.count} side=${side}
    shown=${table.shown(row)} state=${table.state[row]} predicted=${table.predicted[row]}
    confidence=${table.confidence[row]} comment=${table.comment[row]} table=${table} row=${row} names=${names}
    withCode=${withCode} selected=${selection.cells.has(id)} cursor=${selection.cursor === id} unsaved=${unsaved.has(id)} />`;
}

const WATCHED = [
  "id",
  "x",
  "y",
  "place",
  "total",
  "side",
  "shown",
  "state",
  "predicted",
  "comment",
  "withCode",
  "selected",
  "cursor",
  "unsaved",
  "table",
  "row",
];

class Tile extends Component {
  shouldComponentUpdate(next) {
    return WATCHED.some((name) => next[name] !== this.props[name]);
  }

  render({
    id,
    x,
    y,
    place,
    total,
    side,
    shown,
    state,
    predicted,
    confidence,
    comment,
    table,
    row,
    names,
    withCode,
    selected,
    cursor,
    unsaved,
  }) {
    const likely = table.likely(row);
    const code = table.code(shown) ?? (likely ? `${likely}?` : null); // below the threshold of the count
    const known = names.get(likely);
    const changed = state !== UNDECIDED && predicted >= 0 && state !== predicted;
    const words = [
      shown === REMOVED ? "no cell" : (known?.name ?? code ?? "not decided"),
      state === UNDECIDED && confidence !== null ? `suggested, ${Math.round(100 * confidence)} %` : null,
      state === UNDECIDED ? null : changed ? `changed from ${table.codes[predicted]}` : "decided",
      comment ? "with comment" : null,
      unsaved ? "not saved yet" : null,
    ]
      .filter(Boolean)
      .join(", ");
    const classes = [
      "tile",
      state === UNDECIDED ? "open" : "decided",
      changed ? "changed" : "",
      selected ? "selected" : "",
      cursor ? "cursor" : "",
      unsaved ? "unsaved" : "",
    ].join(" ");
    const votes = table.votes?.[row];
    return html`<div id=${`cell-${id}`} role="option" aria-selected=${selected ? "true" : "false"} aria-label=${words}
        aria-setsize=${total} aria-posinset=${place + 1} class=${classes} title=${words}
        style=${{
          transform: `translate(${x}px, ${y}px)`,
          width: `${side + 2 * BORDER}px`,
          height: `${side + 2 * BORDER}px`,
          "--class-colour": known?.colour ?? "#888888",
        }}>
      <div class="picture" style=${pictureStyle(table, row, side)}>${table.slotOf[row] < 0 ? "no picture" : null}</div>
      ${withCode || votes ? html`<span class="code">${votes ? votes.map((one) => table.codes[one] ?? "–").join(" / ") : (code ?? "–")}</span>` : null}
      ${state === UNDECIDED && confidence !== null ? html`<span class="sure">${Math.round(100 * confidence)}</span>` : null}
      ${comment ? html`<span class="remark">✎</span>` : null}
    </div>`;
  }
}

/** Fetch the sheets of a view in the order in which its cells come, a few at a time. */
function usePreloadedSheets(table, order) {
  useEffect(() => {
    const wanted = [...new Set(order.map((id) => table.sheetOf[table.row.get(id)]))].filter(
      (one) => one >= 0,
    );
    let [next, on] = [0, true];
    const load = () => {
      if (!on || next >= Math.min(wanted.length, 24)) return;
      const picture = new Image();
      picture.fetchPriority = "low"; // what is saved goes first
      picture.onload = load;
      picture.onerror = load;
      picture.src = table.sheets[wanted[next]];
      next += 1;
    };
    load();
    load();
    return () => {
      on = false;
    };
  }, [table, order.length, order[0]]);
}
