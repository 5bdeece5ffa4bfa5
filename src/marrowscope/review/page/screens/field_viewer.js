// The field or slide with its cells: choose, reclassify, add what was missed, take out what is none.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact-htm/standalone.module.js";
import { REMOVED } from "../logic/cell_table.js";
import { classOfKey } from "../logic/key_map.js";
import { scaleBar } from "../logic/picture_geometry.js";
import { NO_CELL } from "../logic/cell_order.js";
import { AssignBar } from "../parts/assign_bar.js";
import { CellPanel } from "../parts/cell_panel.js";
import { useAnswer, useChanges, useKeys } from "../parts/hooks.js";
import { KeyHelp } from "../parts/key_help.js";
import { openPicture } from "../parts/slide_picture.js";

const LINE = 150; // px of the picture: cells of about one height are gone through from left to right

export function FieldViewer({ app, session }) {
  const { api, vocabulary, preferences } = app;
  useChanges(session);
  const { table, smear } = session;
  const { data, error } = useAnswer(api, `/api/smears/${smear.id}/images`);
  const names = useMemo(() => new Map(vocabulary.classes.map((one) => [one.code, one])), [vocabulary]);
  const map = useMemo(() => preferences.keyMap(vocabulary), [vocabulary, preferences.values]);
  const [which, setWhich] = useState(0);
  const [chosen, setChosen] = useState(() => (table.row.has(app.focusCell) ? app.focusCell : null));
  const [hovered, setHovered] = useState(null);
  const [adding, setAdding] = useState(false);
  const [layers, setLayers] = useState({ boxes: true, plan: false, zones: false });
  const [bar, setBar] = useState(null);
  const [help, setHelp] = useState(false);
  const [place, setPlace] = useState(null); // where a missed cell is, until its class is chosen
  const holder = useRef(null);
  const picture = useRef(null);
  const images = data?.images ?? [];
  const image = images[which];

  // The field of the cell that was chosen in the gallery.
  useEffect(() => {
    if (!images.length || chosen === null || !table.row.has(chosen)) return;
    const field = table.fields[table.fieldOf[table.row.get(chosen)]];
    const at = images.findIndex((one) => one.field === null || one.field === field?.id);
    if (at >= 0) setWhich(at);
  }, [data]);

  const rows = useMemo(() => {
    const found = [];
    if (!image) return found;
    for (let row = 0; row < table.count; row += 1) {
      const field = table.fields[table.fieldOf[row]];
      if ((image.field === null || field?.id === image.field) && table.boxOf(row)) found.push(row);
    }
    return found;
  }, [image, session.version]);

  useEffect(() => {
    if (!image) return undefined;
    let open = true;
    openPicture(holder.current, image).then(
      (made) => {
        if (!open) return made.close();
        picture.current = made;
        made.onScale = (scale) => setBar(scaleBar(image.microns_per_pixel, scale, 160));
        if (chosen !== null && table.row.has(chosen)) made.show(table.boxOf(table.row.get(chosen)));
        draw();
        return undefined;
      },
      (problem) => session.notice(`The picture cannot be shown: ${problem.message}.`),
    );
    return () => {
      open = false;
      picture.current?.close();
      picture.current = null;
    };
  }, [image?.url]);

  const draw = () => {
    picture.current?.draw({
      boxes: layers.boxes ? rows.map((row) => boxOf(table, row, names, chosen, hovered)) : [],
      plan: layers.plan ? (data.layers?.plan ?? []) : [],
      zones: layers.zones ? (data.layers?.zones ?? []) : [],
      place,
    });
    const handlers = picture.current;
    if (!handlers) return;
    handlers.onClick = (at) => {
      if (adding) return setPlace(around(at, image));
      return setChosen(cellAt(table, rows, at));
    };
    handlers.onMove = (at) => setHovered(at ? cellAt(table, rows, at) : null);
  };
  useEffect(draw);

  const assign = (code) => {
    if (place) {
      if (code !== NO_CELL) session.add(code, { field: image.field, x: place.x, y: place.y, box: place.box });
      setPlace(null);
      setAdding(false);
    } else if (chosen !== null) {
      if (code === NO_CELL) session.remove([chosen]);
      else session.label([chosen], code);
    }
  };
  const next = (step) => {
    const cells = inReadingOrder(table, rows.filter((row) => table.shown(row) !== REMOVED));
    if (!cells.length) return;
    const at = cells.indexOf(chosen);
    const id = cells[(at + step + cells.length) % cells.length];
    setChosen(id);
    picture.current?.follow(table.boxOf(table.row.get(id)));
  };
  useKeys((event) => {
    const ctrl = event.ctrlKey || event.metaKey;
    if (ctrl && event.key.toLowerCase() === "z") event.shiftKey ? session.redo() : session.undo();
    else if (ctrl && event.key.toLowerCase() === "y") session.redo();
    else if (ctrl && event.key.toLowerCase() === "m") document.getElementById("comment")?.focus();
    else if (event.key === "Delete") assign(NO_CELL);
    else if (event.key === "Insert") setAdding(!adding);
    else if (event.key === "Escape") {
      setPlace(null);
      setAdding(false);
    } else if (event.key === "Enter" && event.target.tagName !== "BUTTON" && chosen !== null) {
      session.confirm([chosen], true);
      next(1);
    } else if (event.key === "ArrowRight") next(1);
    else if (event.key === "ArrowLeft") next(-1);
    else if (event.key === "PageDown") setWhich(Math.min(which + 1, images.length - 1));
    else if (event.key === "PageUp") setWhich(Math.max(which - 1, 0));
    else if (event.key === "+") setHelp(true);
    else {
      const code = classOfKey(map, event);
      if (code === null || (chosen === null && !place)) return false;
      assign(code);
    }
    return true;
  });
  const layer = (name, words) => html`<label><input type="checkbox" checked=${layers[name]}
    onChange=${(event) => setLayers({ ...layers, [name]: event.target.checked })} /> ${words}</label>`;
  const row = chosen !== null ? table.row.get(chosen) : undefined;
  return html`<div class="viewer">
    <main class="picture" aria-label="field">
      <div class="tools">
        <h1 class="unseen">field</h1>
        ${
          images.length > 1
            ? html`<label>field <select value=${which} onChange=${(event) => {
                setChosen(null);
                setWhich(Number(event.target.value));
              }}>
          ${images.map((one, at) => html`<option key=${one.url} value=${at} selected=${at === which}>${one.name}</option>`)}</select></label>`
            : html`<span>${image?.name ?? ""}</span>`
        }
        ${layer("boxes", "cells")}
        ${data?.layers?.plan?.length ? layer("plan", "plan of fields") : null}
        ${data?.layers?.zones?.length ? layer("zones", "judgeable zones") : null}
        <button type="button" aria-pressed=${adding ? "true" : "false"} class=${adding ? "current" : ""} onClick=${() => {
          setPlace(null);
          setAdding(!adding);
        }}>add a missed cell <kbd>Ins</kbd></button>
        <button type="button" title="undo (Ctrl+Z)" disabled=${!session.history.done.length} onClick=${() => session.undo()}>↶ undo</button>
        <button type="button" onClick=${() => picture.current?.home()}>whole</button>
        <button type="button" onClick=${() => setHelp(true)}>keys</button>
      </div>
      <div class=${`holder ${adding ? "adding" : ""}`} ref=${holder} role="img" aria-label=${`field with ${rows.length} cells`}></div>
      ${bar ? html`<div class="scale-bar" style=${{ width: `${bar.width}px` }}>${bar.text}</div>` : null}
      ${error ? html`<p class="message" role="alert">${error.message}</p>` : null}
      ${data && !images.length ? html`<p class="message">These cells came without their fields.</p>` : null}
      ${
        place
          ? html`<div class="assign" role="status">A missed cell: press the key of its class, or choose
        <select aria-label="class of the missed cell" onChange=${(event) => assign(event.target.value)}><option value="">class…</option>
        ${vocabulary.classes.map((one) => html`<option key=${one.code} value=${one.code}>${one.name}</option>`)}</select></div>`
          : html`<${AssignBar} vocabulary=${vocabulary} names=${names} keys=${map.keys} selection=${{ cells: new Set(row === undefined ? [] : [chosen]) }}
        codes=${row === undefined ? [] : [table.likely(row)]} canConfirm=${row !== undefined && !table.decided(row) && table.predicted[row] >= 0}
        restoring=${row !== undefined && table.state[row] === REMOVED} onRestore=${() => session.restore([chosen])}
        onAssign=${assign} onConfirm=${() => session.confirm([chosen], true)}
        hint="Click a cell, or go on with ← →; then press the key of its class." />`
      }
    </main>
    <aside class="side" aria-label="cell">
      <${CellPanel} api=${api} session=${session} id=${hovered ?? chosen} names=${names} onZoom=${() => picture.current?.show(table.boxOf(table.row.get(hovered ?? chosen)))}
        onField=${(id) => picture.current?.show(table.boxOf(table.row.get(id)))} />
    </aside>
    ${help ? html`<${KeyHelp} vocabulary=${vocabulary} preferences=${preferences} onClose=${() => setHelp(false)} />` : null}
  </div>`;
}

function boxOf(table, row, names, chosen, hovered) {
  const likely = table.likely(row);
  const sure = table.code(table.shown(row)) !== null;
  const id = table.id[row];
  return {
    box: table.boxOf(row),
    code: likely && !sure ? `${likely}?` : likely,
    colour: names.get(likely)?.colour ?? "#888888",
    decided: table.decided(row),
    changed: table.changed(row),
    removed: table.shown(row) === REMOVED,
    chosen: id === chosen,
    hovered: id === hovered,
  };
}

/** Ids line by line, as one reads. */
function inReadingOrder(table, rows) {
  const line = (row) => Math.floor(table.y[row] / LINE);
  return rows
    .slice()
    .sort((a, b) => line(a) - line(b) || table.x[a] - table.x[b])
    .map((row) => table.id[row]);
}

/** The smallest cell under a point. */
function cellAt(table, rows, { x, y }) {
  let [best, area] = [null, Infinity];
  for (const row of rows) {
    const [x0, y0, x1, y1] = table.boxOf(row);
    if (x < x0 || x > x1 || y < y0 || y > y1) continue;
    if ((x1 - x0) * (y1 - y0) < area) [best, area] = [table.id[row], (x1 - x0) * (y1 - y0)];
  }
  return best;
}

/** A square of about a cell's size (20 µm) around a point. */
function around({ x, y }, image) {
  const half = 10 / (image.microns_per_pixel ?? 0.17);
  const clip = (value, most) => Math.min(Math.max(Math.round(value), 0), most);
  return {
    x: Math.round(x),
    y: Math.round(y),
    box: [
      clip(x - half, image.width),
      clip(y - half, image.height),
      clip(x + half, image.width),
      clip(y + half, image.height),
    ],
  };
}
