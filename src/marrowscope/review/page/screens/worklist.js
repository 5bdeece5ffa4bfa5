// All smears, with their state and who reads them.

import { html, useEffect, useRef, useState } from "../vendor/preact-htm/standalone.module.js";
import { routeTo } from "../logic/route.js";
import { age, decimal, many } from "../logic/wording.js";
import { useAnswer } from "../parts/hooks.js";

const LOOK_AGAIN = 3000; // ms while something is counted

export function Worklist({ app }) {
  const { api, user, vocabulary, mode } = app;
  const [state, setState] = useState("");
  const [query, setQuery] = useState("");
  const [message, setMessage] = useState(null);
  const [extra, setExtra] = useState([]);
  const query2 = `/api/smears?state=${encodeURIComponent(state)}&q=${encodeURIComponent(query)}&limit=200`;
  const { data, error, again } = useAnswer(api, query2);
  const users = useAnswer(api, mode === "server" ? "/api/users" : null).data?.users ?? [];
  const kept = useRef(null);
  if (data) kept.current = data;
  const first = data ?? kept.current;
  const smears = [...(first?.smears ?? []), ...extra];
  const next = extra.length ? extra[extra.length - 1].nextPage : first?.next;
  const counting = smears.some((one) => one.state === "counting" || one.state === "new");
  useEffect(() => {
    setExtra([]);
  }, [query2]);
  useEffect(() => {
    if (!counting) return undefined;
    const timer = setInterval(again, LOOK_AGAIN);
    return () => clearInterval(timer);
  }, [counting]);
  const may = (role) => user.roles.includes(role);
  const told = async (task, words) => {
    try {
      await task();
      setMessage(words);
      again();
    } catch (problem) {
      setMessage(problem.message);
    }
  };
  const upload = (files) =>
    told(
      async () => {
        for (const file of files)
          await api.upload(`/api/library?name=${encodeURIComponent(file.name)}`, file);
      },
      `${many(files.length, "file")} put into the library.`,
    );
  const dropped = (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) upload([...event.dataTransfer.files]);
  };
  const more = async () => {
    const page = await api.get(`${query2}&after=${next}`);
    setExtra([...extra, ...page.smears.map((one) => ({ ...one, nextPage: page.next }))]);
  };
  const counter = async () => {
    try {
      const smear = await api.post("/api/smears", {
        kind: "manual",
        name: `manual count ${new Date().toISOString().slice(0, 16).replace("T", " ")}`,
      });
      location.hash = routeTo("one", smear.id);
    } catch (problem) {
      setMessage(problem.message);
    }
  };
  return html`<main class="worklist" onDragOver=${(event) => event.preventDefault()} onDrop=${dropped}>
    <div class="tools">
      <h1>Worklist <small>${first ? many(smears.length, "smear") : ""}</small></h1>
      <label>state <select value=${state} onChange=${(event) => setState(event.target.value)}>
        <option value="">all</option>${vocabulary.states.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
      </select></label>
      <label>find <input type="search" value=${query} onInput=${(event) => setQuery(event.target.value)} /></label>
      ${may("reader") ? html`<button type="button" onClick=${counter}>count at the microscope</button>` : null}
      ${
        may("reader") || may("admin")
          ? html`<label class="button">add a slide or field…
        <input type="file" multiple onChange=${(event) => upload([...event.target.files])} /></label>`
          : null
      }
    </div>
    <p role="status" class="message-line">${message ?? error?.message ?? ""}</p>
    <div class="scroll" tabindex="0" role="region" aria-label="smears">
    <table class="list"><caption class="unseen">smears</caption>
      <thead><tr><th scope="col">smear</th><th scope="col">state</th><th scope="col">reviewed</th><th scope="col">blasts</th>
        <th scope="col">readers</th>${mode === "server" ? html`<th scope="col">assigned to</th>` : null}<th scope="col">age</th></tr></thead>
      <tbody>${smears.map(
        (one) => html`<tr key=${one.id}>
        <th scope="row"><a href=${routeTo(one.kind === "manual" ? "one" : "gallery", one.id)}>${one.name}</a></th>
        <td><${State} smear=${one} />${one.state === "failed" && may("admin") ? html` <button type="button" onClick=${() => told(() => api.post(`/api/smears/${one.id}/retry`), "It is counted again.")}>try again</button>` : null}</td>
        <td>${one.reviewed} <small>of ${one.cells}</small></td>
        <td>${one.blasts ? `${decimal(one.blasts.percent)} %` : "–"}</td>
        <td>${(one.readers ?? []).map((reader) => html`<span class="reader" key=${reader.reading}>${reader.display} <small>${reader.role}${reader.submitted ? " ✓" : ""}</small></span>`)}</td>
        ${
          mode === "server"
            ? html`<td>${
                may("signer")
                  ? html`<select aria-label=${`assign ${one.name}`} value=${one.assigned?.id ?? ""} onChange=${(event) => told(() => api.post(`/api/smears/${one.id}/assign`, { user: Number(event.target.value) || null }), "Assigned.")}>
            <option value="" selected=${!one.assigned}>nobody</option>${users.filter((each) => each.active !== false && each.roles.includes("reader")).map((each) => html`<option key=${each.id} value=${each.id} selected=${one.assigned?.id === each.id}>${each.display}</option>`)}</select>`
                  : (one.assigned?.display ?? "–")
              }</td>`
            : null
        }
        <td title=${one.created}>${age(one.created)}</td>
      </tr>`,
      )}</tbody>
    </table>
    ${first && !smears.length ? html`<p class="empty">No smear ${state || query ? "is like that" : "yet: drop a slide or a field here"}.</p>` : null}
    ${next ? html`<button type="button" onClick=${more}>older ones</button>` : null}
    </div>
  </main>`;
}

/** The state in words; of a count its progress, of a failure its reason. */
export function State({ smear }) {
  return html`<span class="state ${smear.state.replaceAll(" ", "-")}">${smear.state}</span>
    ${smear.progress ? html` <progress value=${smear.progress.done} max=${smear.progress.total || 1} aria-label=${`count of ${smear.name}`}></progress> <small>${smear.progress.what}</small>` : null}
    ${smear.failure ? html` <small class="warning">${smear.failure}</small>` : null}`;
}
