// Two readings of one smear: how far they agree, and who decides where they do not.

import { html, useState } from "../vendor/preact-htm/standalone.module.js";
import { routeTo } from "../logic/route.js";
import { decimal, interval, many, when } from "../logic/wording.js";
import { useAnswer } from "../parts/hooks.js";

const SCOPES = {
  all: "the whole smear",
  sample: "a sample of a fifth",
  disagreements: "blasts and uncertain cells",
};

export function Agreement({ app, smear, reload }) {
  const { api, user, vocabulary } = app;
  const [message, setMessage] = useState(null);
  const [scope, setScope] = useState("all");
  const readings = smear.readings ?? [];
  const role = (name) => readings.find((one) => one.role === name);
  const both = role("first")?.submitted && role("second")?.submitted;
  const { data, error } = useAnswer(api, both ? `/api/smears/${smear.id}/agreement` : null);
  const start = async (body) => {
    try {
      const reading = await api.post(`/api/smears/${smear.id}/readings`, body);
      await reload();
      if (reading.mine) location.hash = routeTo("gallery", smear.id, reading.id);
      else setMessage("The reading is set up.");
    } catch (problem) {
      setMessage(problem.message);
    }
  };
  const names = new Map(vocabulary.classes.map((one) => [one.code, one.name]));
  const may = (wanted) => user.roles.includes(wanted);
  return html`<main class="agreement page-scroll" tabindex="-1">
    <h1>Readings of ${smear.name}</h1>
    <p role="status">${message ?? ""}</p>
    <table class="list"><caption class="unseen">readings</caption>
      <thead><tr><th scope="col">reading</th><th scope="col">reader</th><th scope="col">begun</th><th scope="col">decided</th><th scope="col">submitted</th><th scope="col">look</th></tr></thead>
      <tbody>${readings.map(
        (one) => html`<tr key=${one.id}>
        <th scope="row">${one.role}${one.blinded ? " (blinded)" : ""}</th><td>${one.reader?.display}</td><td>${when(one.started)}</td>
        <td>${one.decided} <small>of ${one.cells}</small></td><td>${one.submitted ? when(one.submitted) : "–"}</td>
        <td>${one.mine || both ? html`<a href=${routeTo("gallery", smear.id, one.id)}>open</a>` : "–"}</td></tr>`,
      )}</tbody>
    </table>
    ${
      role("first") && !role("second") && may("reader")
        ? html`<section class="box"><h2>Second reading</h2>
      <p>The second reader sees neither the labels of the first nor the model's answers.</p>
      <label>of <select value=${scope} onChange=${(event) => setScope(event.target.value)}>${Object.entries(SCOPES).map(([key, words]) => html`<option key=${key} value=${key}>${words}</option>`)}</select></label>
      <button type="button" class="primary" onClick=${() => start({ role: "second", scope, ...(scope === "sample" ? { share: 0.2 } : {}) })}>read it as second reader</button></section>`
        : null
    }
    ${
      both && !role("adjudication") && may("signer")
        ? html`<section class="box"><h2>Adjudication</h2>
      <p>All cells on which the two readers differ, with both votes and no names.</p>
      <button type="button" class="primary" onClick=${() => start({ role: "adjudication" })}>decide the disagreements</button></section>`
        : null
    }
    ${error ? html`<p class="warning">${error.message}</p>` : null}
    ${!both ? html`<p class="hint">How far two readers agree is told when both have submitted.</p>` : null}
    ${data ? html`<${Measures} data=${data} names=${names} />` : null}
  </main>`;
}

function Measures({ data, names }) {
  const { kappa, weighted, classes, matrix } = data;
  return html`<section aria-labelledby="agreement-title"><h2 id="agreement-title">Agreement</h2>
    <dl class="measures">
      <dt>the same class</dt><dd>${data.agreed} of ${many(data.cells, "cell")} (${decimal(data.cells ? (100 * data.agreed) / data.cells : null)} %)</dd>
      <dt>Cohen's κ</dt><dd>${decimal(kappa?.value, 2)} <small>${interval(kappa?.low, kappa?.high, 2)}</small></dd>
      ${Object.entries(weighted ?? {}).map(
        ([series, one]) => html`<dt key=${series}>κ along the ${series} series, linear weights</dt>
        <dd key=${`${series} value`}>${decimal(one.value, 2)} <small>${interval(one.low, one.high, 2)}, ${many(one.cells, "cell")}</small></dd>`,
      )}
    </dl>
    <div class="scroll" tabindex="0" role="region" aria-label="per class">
    <table class="list"><caption>per class</caption>
      <thead><tr><th scope="col">class</th><th scope="col">first</th><th scope="col">second</th><th scope="col">both</th><th scope="col">positive agreement</th><th scope="col">κ</th><th scope="col">within Rümke's limits</th></tr></thead>
      <tbody>${classes.map((one) => {
        const share = (data.differential ?? []).find((each) => each.code === one.code);
        return html`<tr key=${one.code}><th scope="row">${names.get(one.code) ?? one.code}</th><td>${one.first}</td><td>${one.second}</td><td>${one.both}</td>
          <td>${decimal(one.positive_agreement, 2)}</td><td>${decimal(one.kappa, 2)}</td>
          <td>${share ? `${decimal(share.first_percent)} / ${decimal(share.second_percent)} % ${share.within_limits ? "✓" : "✕ outside"}` : "–"}</td></tr>`;
      })}</tbody></table></div>
    ${
      matrix?.codes?.length
        ? html`<div class="scroll" tabindex="0" role="region" aria-label="first by second reader"><table class="matrix"><caption>first reader (rows) by second reader (columns)</caption>
      <thead><tr><td></td>${matrix.codes.map((code) => html`<th scope="col" key=${code}>${code}</th>`)}</tr></thead>
      <tbody>${matrix.counts.map(
        (row, at) => html`<tr key=${matrix.codes[at]}><th scope="row">${matrix.codes[at]}</th>
        ${row.map((value, column) => html`<td key=${column} class=${value ? (at === column ? "same" : "differs") : ""}>${value || ""}</td>`)}</tr>`,
      )}</tbody></table></div>`
        : null
    }
  </section>`;
}
