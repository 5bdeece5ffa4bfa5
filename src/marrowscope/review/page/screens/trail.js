// Everything that was done with a smear, in order, with the hashes that chain it.

import { html, useEffect, useState } from "../vendor/preact-htm/standalone.module.js";
import { many, when } from "../logic/wording.js";

export function Trail({ app, smear }) {
  const { api, user } = app;
  const [events, setEvents] = useState([]);
  const [next, setNext] = useState(0);
  const [audit, setAudit] = useState(null);
  const [problem, setProblem] = useState(null);
  const more = async () => {
    try {
      const answer = await api.get(`/api/smears/${smear.id}/trail?after=${next}&limit=500`);
      setEvents((now) => [...now, ...answer.events]);
      setNext(answer.next);
    } catch (error) {
      setProblem(error.message);
    }
  };
  useEffect(() => {
    more();
  }, []);
  const check = async () => {
    try {
      setAudit(await api.get("/api/audit"));
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`<main class="trail page-scroll" tabindex="-1">
    <h1>Trail of ${smear.name}</h1>
    <div class="tools">
      <a href=${`/api/smears/${smear.id}/trail.csv`} download>as CSV</a>
      ${user.roles.some((role) => ["admin", "signer"].includes(role)) ? html`<button type="button" onClick=${check}>verify the chains</button>` : null}
      <span role="status">${audit ? (audit.whole ? `whole: ${many(audit.events, "event")} in ${many(audit.chains, "chain")}` : `BROKEN: ${audit.problems.join("; ")}`) : (problem ?? "")}</span>
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label="events"><table class="list"><caption class="unseen">events</caption>
      <thead><tr><th scope="col">no.</th><th scope="col">time</th><th scope="col">who</th><th scope="col">what</th><th scope="col">cells</th><th scope="col">hash</th></tr></thead>
      <tbody>${events.map((one) => html`<tr key=${one.seq}><td>${one.seq}</td><td>${when(one.time)}</td><td>${one.display}</td><td>${one.text}</td><td>${one.cells || ""}</td><td><code>${(one.hash ?? "").slice(0, 10)}</code></td></tr>`)}</tbody></table>
    ${next ? html`<button type="button" onClick=${more}>more</button>` : null}</div>
  </main>`;
}
