// One cell after another, a key for each: labels that no proposal has swayed.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact-htm/standalone.module.js";
import { UNDECIDED } from "../logic/cell_table.js";
import { differential } from "../logic/differential.js";
import { classOfKey } from "../logic/key_map.js";
import { beepAt, many } from "../logic/wording.js";
import { beep } from "../parts/beep.js";
import { contextOf, preloadCrops, useCellFacts } from "../parts/cell_facts.js";
import { Comment, CropPicture, Probabilities, Verdict, focusGrid } from "../parts/cell_panel.js";
import { Key } from "../parts/class_swatch.js";
import { CountSummary } from "../parts/count_summary.js";
import { useAnswer, useChanges, useKeys } from "../parts/hooks.js";
import { KeyHelp, Keypad } from "../parts/key_help.js";

const AHEAD = 8; // pictures fetched before they are wanted
const NO_CELL_KEY = "Delete";

export function OneByOne({ app, session }) {
  const { api, vocabulary, preferences } = app;
  useChanges(session);
  useChanges(preferences);
  const { table } = session;
  const names = useMemo(() => new Map(vocabulary.classes.map((one) => [one.code, one])), [vocabulary]);
  const map = useMemo(() => preferences.keyMap(vocabulary), [vocabulary, preferences.values]);
  const [by, setBy] = useState("random");
  const { data, error } = useAnswer(api, `/api/readings/${session.reading.id}/order?by=${by}`);
  const order = useMemo(() => (data?.cells ?? []).filter((id) => table.row.has(id)), [data]);
  const [place, setPlace] = useState(0);
  const [pressed, setPressed] = useState(null);
  const [help, setHelp] = useState(false);
  const home = useRef(null);
  const target = Math.min(preferences.get("target"), Math.max(order.length, 1));
  const decided = order.filter((id) => table.decided(table.row.get(id))).length;
  const id = order[place] ?? null;
  const proposal = preferences.get("proposal") && !table.blinded;
  const facts = useCellFacts(api, session, id);

  // Where the reader stopped: the first cell nobody decided on.
  useEffect(() => {
    const first = order.findIndex((one) => !table.decided(table.row.get(one)));
    setPlace(first < 0 ? 0 : first);
  }, [order]);
  useEffect(() => {
    preloadCrops(order.slice(place + 1, place + 1 + AHEAD));
  }, [order, place]);
  useEffect(() => {
    home.current?.focus({ preventScroll: true });
  }, [order]);

  const step = (by2) => setPlace((now) => Math.min(Math.max(now + by2, 0), order.length - 1));
  const decide = (code) => {
    if (id === null) return;
    const fresh = !table.decided(table.row.get(id));
    if (code === null) session.remove([id]);
    else session.label([id], code);
    setPressed(code);
    const sound = fresh ? beepAt(decided + 1, target) : null;
    if (sound && preferences.get("beep")) beep(sound);
    step(1);
  };
  const turn = (done) => {
    const changed = done?.cells?.[0]?.[0];
    const at = order.indexOf(changed);
    if (at >= 0) setPlace(at);
  };

  useKeys((event) => {
    const ctrl = event.ctrlKey || event.metaKey;
    if (event.key === "Backspace" || event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === NO_CELL_KEY) decide(null);
    else if (ctrl && event.key.toLowerCase() === "z") turn(event.shiftKey ? session.redo() : session.undo());
    else if (ctrl && event.key.toLowerCase() === "y") turn(session.redo());
    else if (ctrl && event.key.toLowerCase() === "m") document.getElementById("comment")?.focus();
    else if (event.key === "Enter" && proposal && id !== null && table.predicted[table.row.get(id)] >= 0) {
      decide(table.codes[table.predicted[table.row.get(id)]]);
    } else if (event.key === "+") setHelp(true);
    else {
      const code = classOfKey(map, event);
      if (code === null) return false;
      decide(code);
    }
    return true;
  });

  if (error) return html`<main class="message"><p role="alert">${error.message}</p></main>`;
  if (!data) return html`<main class="message"><p>…</p></main>`;
  if (id === null) return html`<main class="message"><p>This reading has no cell.</p></main>`;
  const row = table.row.get(id);
  return html`<main class="one" data-home tabindex="-1" ref=${home}>
    <section class="picture-side" aria-label="the cell">
      <div class="large-cell"><${CropPicture} table=${table} row=${row} id=${id} side=${440} /></div>
      ${
        table.state[row] !== UNDECIDED || proposal
          ? html`<${Verdict} table=${table} row=${row} names=${names} />`
          : html`<p class="verdict"><span class="said">not decided</span></p>`
      }
      ${proposal ? html`<${Probabilities} facts=${facts} names=${names} />` : null}
      <${Comment} key=${id} session=${session} id=${id} text=${session.comments.get(id) ?? facts?.comment ?? ""} />
    </section>
    <section class="keys-side" aria-label="classes">
      <div class="tools">
        <h1>${place + 1} <small>of ${order.length}; ${decided} decided, ${target} wanted</small></h1>
        <progress value=${Math.min(decided, target)} max=${target} aria-label="cells decided"></progress>
        <select aria-label="order" value=${by} onChange=${(event) => {
          setBy(event.target.value);
          focusGrid();
        }}>
          <option value="random" selected=${by === "random"}>random</option>
          ${table.blinded ? null : html`<option value="uncertain" selected=${by === "uncertain"}>least certain first</option>`}
          <option value="place" selected=${by === "place"}>as they lie</option>
        </select>
        <label>wanted <input type="number" min="1" max="100000" value=${preferences.get("target")}
          onChange=${(event) => preferences.set("target", Math.max(1, Number(event.target.value) || 200))} /></label>
        ${
          table.blinded
            ? null
            : html`<label><input type="checkbox" checked=${proposal}
          onChange=${(event) => {
            preferences.set("proposal", event.target.checked);
            focusGrid();
          }} /> show the proposal</label>`
        }
        <label><input type="checkbox" checked=${preferences.get("beep")}
          onChange=${(event) => {
            preferences.set("beep", event.target.checked);
            focusGrid();
          }} /> beep</label>
      </div>
      <${Keypad} vocabulary=${vocabulary} map=${map} pressed=${pressed} onClass=${(code) => {
        decide(code);
        focusGrid();
      }} />
      <div class="buttons">
        <button type="button" onClick=${() => {
          step(-1);
          focusGrid();
        }}>back <${Key} name="⌫" /></button>
        <button type="button" onClick=${() => {
          step(1);
          focusGrid();
        }}>skip <${Key} name="→" /></button>
        <button type="button" onClick=${() => {
          decide(null);
          focusGrid();
        }}>no cell <${Key} name="Del" /></button>
        <button type="button" onClick=${() => {
          turn(session.undo());
          focusGrid();
        }} disabled=${!session.history.done.length}>undo <${Key} name="Ctrl+Z" /></button>
        <button type="button" onClick=${() => setHelp(true)}>keys <${Key} name="+" /></button>
      </div>
      <div class="around">
        ${
          table.x[row] === null
            ? null
            : html`<figure class="context">
          <img key=${id} src=${contextOf(id, 500)} width="260" height="260" alt="surroundings of the cell" /><span class="ring" aria-hidden="true"></span>
        </figure>`
        }
        ${table.blinded || !proposal ? null : html`<${CountSummary} count=${differential(session.tally(), vocabulary)} tally=${session.tally()} target=${vocabulary.target} />`}
      </div>
      ${decided >= target ? html`<p class="reached" role="status">${many(target, "cell")} decided: the target is reached.</p>` : null}
    </section>
    ${help ? html`<${KeyHelp} vocabulary=${vocabulary} preferences=${preferences} onClose=${() => setHelp(false)} />` : null}
  </main>`;
}
