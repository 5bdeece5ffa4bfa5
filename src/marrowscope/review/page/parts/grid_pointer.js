// Mouse, pen and finger on the grid: click, range, frame, and dragging cells to a class.

import { useRef, useState } from "../vendor/preact-htm/standalone.module.js";
import { tileAt, tilesIn } from "../logic/grid_layout.js";
import { clicked, framed, only } from "../logic/selection.js";

const STEP = 5; // px after which a press is a drag

/** A drag that begins on a cell becomes a frame while it stays in the grid, unless the cell was
 *  selected; on reaching a class it carries the selected cells, or the one it began on. So no
 *  cell has to be selected first to be dragged.
 *
 * onDrag(class code or null, cells, event) while cells are carried; onDrop(class code, cells).
 */
export function useGridPointer({ ref, layout, order, selection, onSelect, onHover, onDrag, onDrop }) {
  const press = useRef(null);
  const [frame, setFrame] = useState(null);

  const point = (event) => {
    const box = ref.current.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top + ref.current.scrollTop };
  };

  const down = (event) => {
    if (event.button !== 0) return;
    const at = point(event);
    if (at.x > ref.current.clientWidth) return; // the scroll bar
    const place = tileAt(layout, at.x, at.y);
    press.current = {
      at,
      id: place < 0 ? null : order[place],
      moved: false,
      before: selection,
      touch: event.pointerType === "touch",
      x: event.clientX,
      y: event.clientY,
      ctrl: event.ctrlKey || event.metaKey,
      shift: event.shiftKey,
    };
    // From here on all that the hand does is told here, however fast it leaves the grid.
    if (!press.current.touch) ref.current.setPointerCapture(event.pointerId);
  };

  const move = (event) => {
    const now = press.current;
    if (!now) {
      const at = point(event);
      const place = tileAt(layout, at.x, at.y);
      onHover(place < 0 ? null : order[place]);
      return;
    }
    if (now.touch) return; // a finger that moves scrolls
    if (!now.moved) {
      if (Math.hypot(event.clientX - now.x, event.clientY - now.y) < STEP) return;
      now.moved = true;
    }
    const carried = now.id === null ? null : now.before.cells.has(now.id) ? [...now.before.cells] : [now.id];
    const target = carried ? classUnder(event) : null;
    if (carried && (target || now.before.cells.has(now.id))) {
      if (frame) setFrame(null);
      now.carrying = carried;
      if (!now.before.cells.has(now.id)) onSelect(only(now.id));
      onDrag(target, carried, event);
      return;
    }
    if (now.carrying) onDrag(null, null, event);
    now.carrying = null;
    const at = point(event);
    follow(ref.current, event);
    const box = { x0: now.at.x, y0: now.at.y, x1: at.x, y1: at.y };
    setFrame({
      left: `${Math.min(box.x0, box.x1)}px`,
      top: `${Math.min(box.y0, box.y1)}px`,
      width: `${Math.abs(box.x1 - box.x0)}px`,
      height: `${Math.abs(box.y1 - box.y0)}px`,
    });
    onSelect(
      framed(
        now.before,
        tilesIn(layout, box).map((place) => order[place]),
        now.ctrl || now.shift,
      ),
    );
  };

  const up = (event) => {
    const now = press.current;
    press.current = null;
    setFrame(null);
    if (!now) return;
    if (now.carrying) {
      const target = classUnder(event);
      onDrag(null, null, event);
      if (target) onDrop(target, now.carrying);
    } else if (!now.moved && now.id !== null) {
      // A finger has no ctrl: each tap takes one in or out.
      onSelect(clicked(selection, order, now.id, { shift: now.shift, ctrl: now.ctrl || now.touch }));
    } else if (!now.moved) {
      onSelect({ cells: new Set(), cursor: null, anchor: null });
    }
  };

  const cancel = (event) => {
    if (press.current?.carrying) onDrag(null, null, event);
    press.current = null;
    setFrame(null);
  };

  const handlers = {
    onPointerDown: down,
    onPointerMove: move,
    onPointerUp: up,
    onPointerCancel: cancel,
    onPointerLeave: () => {
      if (!press.current) onHover(null);
    },
  };
  return { handlers, frame };
}

function classUnder(event) {
  const element = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-class]");
  return element?.dataset.class ?? null;
}

/** Scroll along when a frame is drawn over the edge. */
function follow(element, event) {
  const box = element.getBoundingClientRect();
  if (event.clientY > box.bottom - 20) element.scrollTop += 16;
  if (event.clientY < box.top + 20) element.scrollTop -= 16;
}
