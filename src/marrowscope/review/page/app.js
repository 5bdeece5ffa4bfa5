// The page: who is there, which smear is open, and the screen of the address.

import { html, render, useEffect, useRef, useState } from "./vendor/preact-htm/standalone.module.js";
import { parseRoute } from "./logic/route.js";
import { useChanges } from "./parts/hooks.js";
import { PageHeader } from "./parts/page_header.js";
import { Notices } from "./parts/save_state.js";
import { Agreement } from "./screens/agreement.js";
import { Counter } from "./screens/counter.js";
import { FieldViewer } from "./screens/field_viewer.js";
import { Gallery } from "./screens/gallery.js";
import { OneByOne } from "./screens/one_by_one.js";
import { SignIn } from "./screens/sign_in.js";
import { SignOff } from "./screens/sign_off.js";
import { Trail } from "./screens/trail.js";
import { Users } from "./screens/users.js";
import { Worklist } from "./screens/worklist.js";
import { Api } from "./session/api.js";
import { Preferences } from "./session/preferences.js";
import { openReading } from "./session/reading_session.js";

const api = new Api();
const preferences = new Preferences(localStorage);
const stores = { local: localStorage, session: sessionStorage };

/** A name for an event that no other has; randomUUID is missing where a page comes over http. */
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((value) => value.toString(16).padStart(2, "0"))
    .join("");
}

function useRoute() {
  const [route, setRoute] = useState(parseRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return route;
}

function Page() {
  const [session, setSession] = useState(null); // of the user
  const [vocabulary, setVocabulary] = useState(null);
  const [problem, setProblem] = useState(null);
  const route = useRoute();
  useChanges(preferences);
  const theme = preferences.get("theme");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  const start = async () => {
    try {
      const found = await api.get("/api/session");
      api.csrf = found.csrf;
      setVocabulary(found.signed_in ? await api.get("/api/vocabulary") : null);
      setSession(found);
      setProblem(null);
    } catch (error) {
      setProblem(error.message);
    }
  };
  useEffect(() => {
    api.onSignedOut = () => setSession((now) => (now ? { ...now, signed_in: false } : now));
    start();
  }, []);
  if (problem)
    return html`<main class="message"><h1>marrowscope review</h1><p role="alert">${problem}</p><button type="button" onClick=${start}>try again</button></main>`;
  if (!session) return html`<main class="message" aria-busy="true"><h1>marrowscope review</h1></main>`;
  if (!session.signed_in || !vocabulary)
    return html`<${SignIn} api=${api} mode=${session.mode} onDone=${start} />`;
  const app = {
    api,
    vocabulary,
    preferences,
    user: session.user,
    mode: session.mode,
    passwordToSign: session.password_to_sign,
    researchUseOnly: session.research_use_only,
    focusCell: null,
  };
  const signOut = async () => {
    await api.post("/api/logout").catch(() => {});
    await start();
  };
  return html`<${Screens} key=${session.user.id} app=${app} route=${route} onSignOut=${signOut} />`;
}

function Screens({ app: given, route, onSignOut }) {
  const kept = useRef(given); // one object, so that a cell can be handed from screen to screen
  const app = Object.assign(kept.current, { ...given, focusCell: kept.current.focusCell });
  const opened = useSmear(app, route);
  useChanges(opened.session);
  return html`<div class="app">
    <${PageHeader} app=${app} route=${route} smear=${opened.smear} session=${opened.session} onSignOut=${onSignOut} />
    <${Screen} app=${app} route=${route} opened=${opened} />
    <${Notices} session=${opened.session} />
  </div>`;
}

function Screen({ app, route, opened }) {
  if (route.screen === "worklist") return html`<${Worklist} app=${app} />`;
  if (route.screen === "users") return html`<${Users} app=${app} />`;
  const { smear, session, problem, reload } = opened;
  if (problem)
    return html`<main class="message"><p role="alert">${problem}</p><a href="#/">to the worklist</a></main>`;
  if (!smear) return html`<main class="message" aria-busy="true"><p>…</p></main>`;
  if (route.screen === "trail") return html`<${Trail} key=${smear.id} app=${app} smear=${smear} />`;
  if (route.screen === "agreement")
    return html`<${Agreement} key=${smear.id} app=${app} smear=${smear} reload=${reload} />`;
  if (route.screen === "sign")
    return html`<${SignOff} key=${smear.id} app=${app} smear=${smear} session=${session} reload=${reload} />`;
  if (!session)
    return html`<main class="message"><p>${smear.name}: ${smear.state}${smear.failure ? `, ${smear.failure}` : ""}. There is no reading of yours here.</p></main>`;
  const key = session.reading.id;
  if (smear.kind === "manual") return html`<${Counter} key=${key} app=${app} session=${session} />`;
  if (route.screen === "one") return html`<${OneByOne} key=${key} app=${app} session=${session} />`;
  if (route.screen === "field") return html`<${FieldViewer} key=${key} app=${app} session=${session} />`;
  return html`<${Gallery} key=${key} app=${app} session=${session} />`;
}

/** The smear of the address with the reading that is wanted: the named one, else one's own. */
function useSmear(app, route) {
  const [opened, setOpened] = useState({ smear: null, session: null, problem: null, asked: null });
  const current = useRef(null);
  const wanted = useRef(0);
  const load = async () => {
    wanted.current += 1;
    const turn = wanted.current;
    if (!route.smear) {
      current.current = null;
      setOpened({ smear: null, session: null, problem: null, asked: route.reading });
      return;
    }
    try {
      const smear = await app.api.get(`/api/smears/${route.smear}`);
      const reading = await chosenReading(app, smear, route.reading);
      let session = null;
      if (reading && current.current?.reading.id === reading.id) {
        session = current.current; // what is on its way stays with it
        Object.assign(session.reading, reading);
        session.smear = smear;
      } else if (reading) {
        await current.current?.leave();
        session = await openReading({ api: app.api, smear, reading, user: app.user, stores, ids: newId });
      }
      if (turn !== wanted.current) return;
      current.current = session;
      setOpened({ smear, session, problem: null, asked: route.reading });
    } catch (error) {
      if (turn === wanted.current) setOpened({ smear: null, session: null, problem: error.message });
    }
  };
  useEffect(() => {
    load();
  }, [route.smear, route.reading]);
  useEffect(() => opened.session?.poll(), [opened.session]);
  useEffect(() => {
    const leave = () => {
      current.current?.leave();
    };
    const hidden = () => {
      if (document.hidden) leave();
    };
    const back = () => current.current?.queue.flush();
    window.addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", hidden);
    window.addEventListener("online", back);
    return () => {
      window.removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", hidden);
      window.removeEventListener("online", back);
    };
  }, []);
  // While another smear or reading is on its way the old one takes no more keys.
  const here = (opened.smear?.id ?? null) === route.smear && opened.asked === route.reading;
  return here || opened.problem
    ? { ...opened, reload: load }
    : { smear: null, session: null, problem: null, reload: load };
}

async function chosenReading(app, smear, id) {
  const readings = smear.readings ?? [];
  if (id) return readings.find((one) => one.id === id) ?? null;
  const mine = readings.filter((one) => one.mine);
  const open = mine.filter((one) => !one.submitted);
  if (open.length) return open[open.length - 1];
  if (mine.length) return mine[mine.length - 1];
  const begun = readings.some((one) => one.role === "first");
  if (begun || !app.user.roles.includes("reader") || ["new", "counting", "failed"].includes(smear.state))
    return null;
  return app.api.post(`/api/smears/${smear.id}/readings`, { role: "first" });
}

render(html`<${Page} />`, document.getElementById("page"));
