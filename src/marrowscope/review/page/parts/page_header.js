// The line at the top: where one is, whose reading it is, and whether all is saved.

import { html } from "../vendor/preact-htm/standalone.module.js";
import { routeTo } from "../logic/route.js";
import { useChanges } from "./hooks.js";
import { SaveState } from "./save_state.js";

const TABS = {
  gallery: "Gallery",
  one: "One by one",
  field: "Field",
  agreement: "Readings",
  sign: "Sign",
  trail: "Trail",
};
const MANUAL_TABS = { one: "Counter", sign: "Sign", trail: "Trail" };
const THEMES = { system: "◐", light: "☀", dark: "☾" };

export function PageHeader({ app, route, smear, session, onSignOut }) {
  const { preferences, user } = app;
  useChanges(preferences);
  const theme = preferences.get("theme");
  const themes = Object.keys(THEMES);
  const tabs = smear ? (smear.kind === "manual" ? MANUAL_TABS : TABS) : {};
  return html`<header class="top">
    <a class="brand" href="#/">marrowscope</a>
    ${
      smear
        ? html`<span class="where" data-smear=${smear.id} title=${smear.name}><strong>${smear.name}</strong>
      ${session ? html`<small>${session.reading.role} reading${session.reading.blinded ? ", blinded" : ""}${session.reading.submitted ? ", submitted" : session.reading.mine ? "" : ` of ${session.reading.reader.display}`}</small>` : null}</span>
      <nav aria-label="screens"><ul>${Object.entries(tabs).map(
        ([screen, words]) => html`<li key=${screen}>
        <a href=${routeTo(screen, smear.id, route.reading)} aria-current=${route.screen === screen ? "page" : null}>${words}</a></li>`,
      )}</ul></nav>`
        : null
    }
    <span class="grow"></span>
    <${SaveState} session=${session} />
    <a href="#/users">${user.display}</a>
    ${app.mode === "server" ? html`<button type="button" onClick=${onSignOut}>sign out</button>` : null}
    <button type="button" class="theme" title=${`colours: ${theme}`} aria-label=${`colours: ${theme}`}
      onClick=${() => preferences.set("theme", themes[(themes.indexOf(theme) + 1) % themes.length])}>${THEMES[theme]}</button>
  </header>`;
}
