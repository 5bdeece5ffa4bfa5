// The gallery: all cells of a smear by class, many at a time.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact-htm/standalone.module.js";
import {
  ALL,
  FILTERS,
  NO_CELL,
  OPEN,
  ORDERS,
  everyRow,
  nextOpenView,
  openPerView,
  ordered,
  rowsOf,
} from "../logic/cell_order.js";
import { REMOVED, UNDECIDED } from "../logic/cell_table.js";
import { differential } from "../logic/differential.js";
import { classOfKey } from "../logic/key_map.js";
import { NOTHING, everything, following, moved, only } from "../logic/selection.js";
import { AssignBar } from "../parts/assign_bar.js";
import { CellGrid } from "../parts/cell_grid.js";
import { CellPanel, CellZoom } from "../parts/cell_panel.js";
import { ClassRail } from "../parts/class_rail.js";
import { CountSummary, Remarks } from "../parts/count_summary.js";
import { useChanges, useKeys } from "../parts/hooks.js";
import { KeyHelp } from "../parts/key_help.js";
import { routeTo } from "../logic/route.js";
import { many } from "../logic/wording.js";

const SIDES = [64, 80, 96, 128, 160, 200]; // px of a picture

export function Gallery({ app, session }) {
  const { api, vocabulary, preferences } = app;
  useChanges(session);
  useChanges(preferences);
  const { table } = session;
  const names = useMemo(() => new Map(vocabulary.classes.map((one) => [one.code, one])), [vocabulary]);
  const map = useMemo(() => preferences.keyMap(vocabulary), [vocabulary, preferences.values]);
  const codes = useMemo(() => vocabulary.classes.map((one) => one.code), [vocabulary]);
  const [view, setView] = useState(() => (table.blinded ? OPEN : (nextOpenView(table, codes, null) ?? ALL)));
  const [by, setBy] = useState(table.blinded ? "place" : "uncertain");
  const [alike, setAlike] = useState(null); // {id, rank}
  const [filter, setFilter] = useState("every");
  const [selection, setSelection] = useState(NOTHING);
  const [hovered, setHovered] = useState(null);
  const [zoomed, setZoomed] = useState(false);
  const [help, setHelp] = useState(false);
  const [drag, setDrag] = useState(null); // {over, cells, x, y}
  const gridRef = useRef(null);
  const side = preferences.get("side");

  // Labels do not change the order, so all cells are sorted once, and a view is a pass through them.
  const sorted = useMemo(
    () => ordered(table, everyRow(table), by, alike?.rank),
    [table, table.count, by, alike],
  );
  const orderOf = (wanted) => rowsOf(table, wanted, filter, sorted).map((row) => table.id[row]);
  const order = useMemo(() => orderOf(view), [session.version, table, view, by, alike, filter]);
  const tally = useMemo(() => session.tally(), [session.version]);
  const count = useMemo(() => differential(tally, vocabulary), [tally]);
  const open = useMemo(() => openPerView(table), [session.version]);
  const unsaved = useMemo(() => session.queue.unsaved, [session.version]);
  const cells =
    selection.cells.size === 1
      ? [...selection.cells].filter((id) => table.row.has(id))
      : selection.cells.size
        ? order.filter((id) => selection.cells.has(id))
        : [];

  useEffect(() => {
    if (selection.cursor === null && order.length) setSelection(only(order[0]));
  }, [view]);
  useEffect(() => {
    gridRef.current?.focus({ preventScroll: true });
  }, [view, zoomed]);

  /** Do something with cells, and let the cursor follow. */
  const act = (wanted, does) => {
    if (!wanted.length) return;
    does(wanted);
    const after = orderOf(view);
    setSelection(following(selection, order, after, true));
  };
  const assign = (code, wanted = cells) =>
    act(wanted, (ids) => {
      if (code === NO_CELL) session.remove(ids);
      else session.label(ids, code);
    });
  const confirm = () => act(cells, (ids) => session.confirm(ids, true));
  const show = (wanted) => {
    setView(wanted);
    setAlike(null);
    const first = orderOf(wanted)[0];
    setSelection(first === undefined ? NOTHING : only(first));
    if (gridRef.current) gridRef.current.scrollTop = 0;
  };
  const confirmRest = () => {
    if (table.blinded) return session.notice("In a blinded reading there is nothing to confirm.");
    if (view === OPEN)
      return session.notice(
        "What the count did not classify is not confirmed unseen: select cells and press Enter.",
      );
    const rest = order.filter((id) => !table.decided(table.row.get(id)));
    const blasts = rest.filter((id) =>
      vocabulary.blasts.includes(table.code(table.shown(table.row.get(id)))),
    );
    if (blasts.length) {
      return session.notice(
        "Blasts are not confirmed unseen: select them (Ctrl+A) and press Enter, or look at each.",
      );
    }
    if (rest.length) session.confirm(rest, false);
    const next = nextOpenView(table, codes, view);
    if (next) show(next);
    return null;
  };
  const turn = (step) => {
    const changed = step?.cells?.[0]?.[0];
    if (changed === undefined) return;
    if (!orderOf(view).includes(changed)) {
      const code = table.code(table.shown(table.row.get(changed)));
      setView(code ?? (table.state[table.row.get(changed)] === REMOVED ? NO_CELL : OPEN));
    }
    setSelection(only(changed));
  };
  const mostAlike = async (id) => {
    try {
      const answer = await api.get(`/api/readings/${session.reading.id}/likeness?cell=${id}&limit=5000`);
      setAlike({ id, rank: new Map([id, ...answer.cells].map((one, place) => [one, place])) });
      setSelection(only(id));
      if (gridRef.current) gridRef.current.scrollTop = 0;
    } catch (error) {
      session.notice(`No order by likeness: ${error.message}.`);
    }
  };
  const neighbourClass = (step) => {
    const places = [
      ALL,
      ...(tally.unsure ? [OPEN] : []),
      ...codes.filter((code) => tally.classes.get(code) || code === view),
      vocabulary.unidentified,
      NO_CELL,
    ];
    const at = places.indexOf(view);
    show(places[Math.min(Math.max(at + step, 0), places.length - 1)]);
  };

  useKeys((event) => {
    const ctrl = event.ctrlKey || event.metaKey;
    const columns = gridRef.layout?.columns ?? 1;
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
      PageUp: -columns * 5,
      PageDown: columns * 5,
      Home: -order.length,
      End: order.length,
    };
    if (ctrl && ["ArrowUp", "ArrowDown"].includes(event.key))
      neighbourClass(event.key === "ArrowUp" ? -1 : 1);
    else if (event.key in steps && !event.altKey)
      setSelection(moved(selection, order, steps[event.key], { shift: event.shiftKey }));
    else if (ctrl && event.key.toLowerCase() === "a") setSelection(everything(selection, order));
    else if (ctrl && event.key.toLowerCase() === "z") turn(event.shiftKey ? session.redo() : session.undo());
    else if (ctrl && event.key.toLowerCase() === "y") turn(session.redo());
    else if (ctrl && event.key.toLowerCase() === "m") document.getElementById("comment")?.focus();
    else if (ctrl && event.key.toLowerCase() === "l" && selection.cursor !== null)
      mostAlike(selection.cursor);
    else if (event.key === "Enter" && !onControl(event)) (event.shiftKey ? confirmRest : confirm)();
    else if (event.key === " " && !onControl(event)) {
      if (selection.cursor !== null || hovered !== null) setZoomed(!zoomed);
    } else if (event.key === "Escape") {
      if (zoomed) setZoomed(false);
      else setSelection(selection.cursor === null ? NOTHING : only(selection.cursor));
    } else if (event.key === "Delete") assign(NO_CELL);
    else if (event.key === "+" && !ctrl) setHelp(true);
    else {
      const code = classOfKey(map, event);
      if (code === null) return false;
      assign(code);
    }
    return true;
  });

  const shownCell = zoomed ? (selection.cursor ?? hovered) : (hovered ?? selection.cursor);
  const title =
    view === ALL
      ? "all cells"
      : view === OPEN
        ? table.blinded
          ? "not decided"
          : "not classified"
        : view === NO_CELL
          ? "no cell"
          : view === vocabulary.unidentified
            ? "can't tell"
            : (names.get(view)?.name ?? view);
  const rest = useMemo(
    () => order.filter((id) => !table.decided(table.row.get(id))).length,
    [order, session.version],
  );
  // A click on a button must not take the next key away from the cells.
  const home = (event) => {
    if (event.detail > 0 && event.target.closest("button")) gridRef.current?.focus({ preventScroll: true });
  };
  return html`<div class="gallery" onClick=${home}>
    <${ClassRail} vocabulary=${vocabulary} table=${table} tally=${tally} count=${count} open=${open} keys=${map.keys}
      view=${view} over=${drag?.over ?? null} onView=${show} />
    <main class="cells" aria-label=${title}>
      <div class="tools">
        <h1>${title} <small>${many(order.length, "cell")}, ${rest} open</small></h1>
        ${
          alike
            ? html`<button type="button" onClick=${() => setAlike(null)}>by likeness ✕</button>`
            : html`<select aria-label="order" value=${by} onChange=${(event) => setBy(event.target.value)}>
            ${Object.entries(ORDERS)
              .filter(([key]) => !table.blinded || !/certain/.test(key))
              .map(
                ([key, words]) =>
                  html`<option key=${key} value=${key} selected=${key === by}>${words}</option>`,
              )}
          </select>`
        }
        <select aria-label="which cells" value=${filter} onChange=${(event) => setFilter(event.target.value)}>
          ${Object.entries(FILTERS).map(([key, words]) => html`<option key=${key} value=${key} selected=${key === filter}>${words}</option>`)}
        </select>
        <label class="size"><input type="range" aria-label="size of pictures" title="size of pictures" min="0" max=${SIDES.length - 1} step="1" value=${SIDES.indexOf(side)}
          onInput=${(event) => preferences.set("side", SIDES[Number(event.target.value)])} /></label>
        <button type="button" aria-label="undo" title="undo (Ctrl+Z)" disabled=${!session.history.done.length} onClick=${() => turn(session.undo())}>↶</button>
        <button type="button" aria-label="redo" title="redo (Ctrl+Y)" disabled=${!session.history.undone.length} onClick=${() => turn(session.redo())}>↷</button>
        ${
          table.blinded || view === OPEN || view === NO_CELL
            ? null
            : html`<button type="button" disabled=${!rest} onClick=${confirmRest}
          title="Shift+Enter">confirm the rest</button>`
        }
        <button type="button" aria-label="keys" title="all keys (+)" onClick=${() => setHelp(true)}>⌨</button>
      </div>
      <${CellGrid} session=${session} order=${order} names=${names} side=${side} withCode=${[ALL, OPEN].includes(view) || Boolean(alike)}
        selection=${selection} unsaved=${unsaved} onSelect=${setSelection} onHover=${setHovered} gridRef=${gridRef}
        onDrag=${(over, carried, event) => setDrag(carried ? { over, cells: carried, x: event.clientX, y: event.clientY } : null)}
        onDrop=${(code, carried) => {
          if (code !== ALL && code !== OPEN) assign(code, carried);
        }} />
      <${AssignBar} vocabulary=${vocabulary} names=${names} keys=${map.keys} selection=${selection}
        codes=${[...new Set(cells.slice(0, 200).map((id) => table.likely(table.row.get(id))))]}
        canConfirm=${cells.some((id) => table.state[table.row.get(id)] === UNDECIDED && table.predicted[table.row.get(id)] >= 0)}
        restoring=${view === NO_CELL} onRestore=${() => act(cells, (ids) => session.restore(ids))}
        onAssign=${(code) => assign(code)} onConfirm=${confirm}
        hint="Select cells by click, frame, Shift, Ctrl+A; then press a class key, or drag them to a class." />
    </main>
    <aside class="side" aria-label="count and cell">
      <${CountSummary} count=${count} tally=${tally} target=${vocabulary.target} />
      <${Remarks} smear=${session.smear} />
      <${CellPanel} api=${api} session=${session} id=${shownCell} names=${names} onZoom=${() => setZoomed(true)}
        onAlike=${mostAlike} onField=${(id) => {
          app.focusCell = id;
          location.hash = routeTo("field", session.smear.id, session.reading.id);
        }} />
    </aside>
    ${zoomed && shownCell !== null ? html`<${CellZoom} api=${api} session=${session} id=${shownCell} names=${names} onClose=${() => setZoomed(false)} />` : null}
    ${
      drag
        ? html`<div class="carried" aria-hidden="true" style=${{ transform: `translate(${drag.x + 12}px, ${drag.y + 12}px)` }}>
      ${many(drag.cells.length, "cell")}${drag.over ? ` → ${names.get(drag.over)?.code ?? (drag.over === NO_CELL ? "no cell" : drag.over)}` : ""}</div>`
        : null
    }
    ${help ? html`<${KeyHelp} vocabulary=${vocabulary} preferences=${preferences} onClose=${() => setHelp(false)} />` : null}
  </div>`;
}

/** Enter and Space belong to a button that has the focus. */
function onControl(event) {
  return ["BUTTON", "A", "SUMMARY", "INPUT"].includes(event.target.tagName);
}
