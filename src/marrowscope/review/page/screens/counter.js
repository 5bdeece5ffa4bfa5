// The classic counter beside a microscope: keys only, no pictures.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact-htm/standalone.module.js";
import { differential } from "../logic/differential.js";
import { classOfKey } from "../logic/key_map.js";
import { beepAt, decimal, interval } from "../logic/wording.js";
import { beep } from "../parts/beep.js";
import { Key } from "../parts/class_swatch.js";
import { CountSummary } from "../parts/count_summary.js";
import { useChanges, useKeys } from "../parts/hooks.js";
import { KeyHelp, Keypad } from "../parts/key_help.js";

export function Counter({ app, session }) {
  const { vocabulary, preferences } = app;
  useChanges(session);
  useChanges(preferences);
  const map = useMemo(() => preferences.keyMap(vocabulary), [vocabulary, preferences.values]);
  const [pressed, setPressed] = useState(null);
  const [help, setHelp] = useState(false);
  const [beyond, setBeyond] = useState(false);
  const home = useRef(null);
  const tally = session.tally();
  const count = differential(tally, vocabulary);
  const target = preferences.get("counterTarget") ?? vocabulary.target;
  const locked = count.countable >= target && !beyond;
  const names = new Map(vocabulary.classes.map((one) => [one.code, one.name]));
  useEffect(() => {
    home.current?.focus({ preventScroll: true });
  }, []);

  const counted = (code) => {
    if (locked) return;
    session.add(code);
    setPressed(code);
    const now = differential(session.tally(), vocabulary).countable;
    const sound = now > count.countable ? beepAt(now, target) : null;
    if (sound && preferences.get("beep")) beep(sound);
  };
  useKeys((event) => {
    const ctrl = event.ctrlKey || event.metaKey;
    if (event.repeat) return false; // a key that is held counts one cell
    if (event.key === "Backspace" || (ctrl && event.key.toLowerCase() === "z" && !event.shiftKey))
      session.undo();
    else if (ctrl && ["y", "z"].includes(event.key.toLowerCase())) session.redo();
    else if (event.key === "+") setHelp(true);
    else {
      const code = classOfKey(map, event);
      if (code === null) return false;
      counted(code);
    }
    return true;
  });
  const last = session.history.done
    .filter((step) => step.root)
    .slice(-12)
    .map((step) => step.text);
  return html`<main class="counter" data-home tabindex="-1" ref=${home}>
    <section class="keys-side" aria-label="counter">
      <h1><span class="total">${count.countable}</span> <small>of ${target} counted</small></h1>
      <progress value=${Math.min(count.countable, target)} max=${target} aria-label="cells counted"></progress>
      <${Keypad} vocabulary=${vocabulary} map=${map} counts=${tally.classes} pressed=${pressed} onClass=${(
        code,
      ) => {
        counted(code);
        home.current.focus();
      }} />
      <p class="last" aria-label="last counted">${last.length ? last.join(" ") : "Press the key of a class for each cell."}</p>
      <div class="buttons">
        <button type="button" onClick=${() => {
          session.undo();
          home.current.focus();
        }} disabled=${!session.history.done.length}>take back <${Key} name="⌫" /></button>
        <button type="button" onClick=${() => setHelp(true)}>keys <${Key} name="+" /></button>
        <label><input type="checkbox" checked=${preferences.get("beep")} onChange=${(event) => {
          preferences.set("beep", event.target.checked);
          home.current.focus();
        }} /> beep</label>
        <label>wanted <input type="number" min="1" max="100000" value=${target}
          onChange=${(event) => preferences.set("counterTarget", Math.max(1, Number(event.target.value) || vocabulary.target))} /></label>
      </div>
      ${
        locked
          ? html`<p class="reached" role="status">${target} cells are counted. <button type="button" onClick=${() => {
              setBeyond(true);
              home.current.focus();
            }}>count on</button></p>`
          : null
      }
    </section>
    <aside class="side" aria-label="differential">
      <${CountSummary} count=${count} tally=${tally} target=${target} />
      <table class="shares"><caption>differential</caption>
        <thead><tr><th scope="col">class</th><th scope="col">n</th><th scope="col">%</th><th scope="col">95 %</th></tr></thead>
        <tbody>${count.classes
          .filter((one) => one.count)
          .map(
            (one) => html`<tr key=${one.code}>
          <th scope="row">${names.get(one.code) ?? one.code}</th><td>${one.count}</td><td>${decimal(one.percent)}</td><td>${interval(one.low, one.high)}</td></tr>`,
          )}</tbody>
      </table>
    </aside>
    ${help ? html`<${KeyHelp} vocabulary=${vocabulary} preferences=${preferences} onClose=${() => setHelp(false)} />` : null}
  </main>`;
}
