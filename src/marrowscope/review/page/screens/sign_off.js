// Submit, sign, report, amend; and take the cells along in other tools' formats.

import { html, useState } from "../vendor/preact-htm/standalone.module.js";
import { differential } from "../logic/differential.js";
import { routeTo } from "../logic/route.js";
import { decimal, interval, many, when } from "../logic/wording.js";
import { Remarks } from "../parts/count_summary.js";
import { useAnswer, useChanges } from "../parts/hooks.js";

const EXPORTS = ["cells.csv", "cells.parquet", "cells.geojson", "coco.json", "label-studio.json"];
const REPORTS = {
  "report.html": "report",
  "report.pdf": "PDF",
  "fhir.json": "FHIR",
  "count.json": "count",
  "annotations.dcm": "DICOM annotations",
};

export function SignOff({ app, session, smear, reload }) {
  const { api, user, vocabulary } = app;
  useChanges(session);
  const [message, setMessage] = useState(null);
  const signable = useAnswer(api, `/api/smears/${smear.id}/signable`);
  const [meaning, setMeaning] = useState("reviewed and approved");
  const [password, setPassword] = useState("");
  const [reason, setReason] = useState("");
  const signatures = smear.signatures ?? [];
  const may = (wanted) => user.roles.includes(wanted);
  const told = async (task, words) => {
    try {
      await task();
      setMessage(words);
      setPassword("");
      await reload();
      signable.again();
    } catch (problem) {
      const reasons = problem.detail?.reasons?.join("; ");
      setMessage(reasons ? `${problem.message}: ${reasons}` : problem.message);
    }
  };
  const reading = session?.reading;
  const submit = () =>
    told(async () => {
      await session.queue.flush();
      if (session.queue.waiting) throw new Error("some actions are not saved yet: wait for the connection");
      Object.assign(reading, await api.post(`/api/readings/${reading.id}/submit`));
      session.changed();
    }, "Submitted.");
  const sign = () =>
    told(
      () =>
        api.post(`/api/smears/${smear.id}/sign`, {
          reading: signable.data?.reading ?? reading?.id,
          meaning,
          ...(app.passwordToSign ? { password } : {}),
        }),
      "Signed.",
    );
  return html`<main class="sign-off page-scroll" tabindex="-1">
    <h1>${smear.name}</h1>
    <p role="status" class="message-line">${message ?? ""}</p>
    <${Remarks} smear=${smear} open />
    ${session ? html`<${BeforeAfter} session=${session} vocabulary=${vocabulary} />` : null}
    ${
      reading?.mine
        ? html`<section class="box"><h2>Your reading (${reading.role})</h2>
      ${
        reading.submitted
          ? html`<p>Submitted ${when(reading.submitted)}.</p>${
              signatures.length
                ? null
                : html`<form onSubmit=${(event) => {
                    event.preventDefault();
                    told(async () => {
                      Object.assign(
                        reading,
                        await api.post(`/api/readings/${reading.id}/reopen`, { reason }),
                      );
                      session.changed();
                    }, "Open again.");
                  }}>
          <label>reason <input type="text" required value=${reason} onInput=${(event) => setReason(event.target.value)} /></label> <button type="submit">open it again</button></form>`
            }`
          : html`<p>${many(session.table.tally().unreviewed, "cell")} not decided.</p><button type="button" class="primary" onClick=${submit}>submit the reading</button>`
      }
    </section>`
        : null
    }
    ${
      may("signer")
        ? html`<section class="box"><h2>Signature</h2>
      ${
        signable.data?.ready
          ? html`<form onSubmit=${(event) => {
              event.preventDefault();
              sign();
            }}>
          <p>Signing as <strong>${user.display}</strong>, ${when(Date.now() / 1000)}.</p>
          <label>meaning <select value=${meaning} onChange=${(event) => setMeaning(event.target.value)}>
            <option>reviewed and approved</option><option>preliminary report</option><option>second opinion</option></select></label>
          ${app.passwordToSign ? html`<label>password <input type="password" required autocomplete="current-password" value=${password} onInput=${(event) => setPassword(event.target.value)} /></label>` : null}
          <button type="submit" class="primary">sign</button></form>`
          : html`<p>${signable.error?.message ?? "Cannot be signed yet:"}</p><ul>${(signable.data?.reasons ?? []).map((one) => html`<li key=${one}>${one}</li>`)}</ul>`
      }
    </section>`
        : null
    }
    ${
      signatures.length
        ? html`<section class="box"><h2>Signed</h2>
      ${[...signatures]
        .sort((a, b) => b.version - a.version)
        .map(
          (one, place) => html`<article class=${place ? "superseded" : ""} key=${one.id}>
        <h3>version ${one.version}${place ? " (superseded)" : ""}</h3>
        <p><strong>${one.display}</strong>, ${when(one.time)}: ${one.meaning}${one.reason ? html`; amended because: ${one.reason}` : null}</p>
        <p class="links">${Object.entries(REPORTS).map(([file, words]) => html`<a key=${file} href=${`/api/signatures/${one.id}/${file}`} target="_blank" rel="noopener">${words}</a> `)}</p>
        <p class="small">${one.software ?? ""}${one.model ? `; model ${one.model.name ?? one.model}` : ""}; chain ${(one.chain_head ?? "").slice(0, 12)}</p></article>`,
        )}
      ${
        may("signer")
          ? html`<form onSubmit=${(event) => {
              event.preventDefault();
              told(async () => {
                const amendment = await api.post(`/api/smears/${smear.id}/amend`, { reason });
                setReason("");
                location.hash = routeTo("gallery", smear.id, amendment.id);
              }, "The amendment is open.");
            }}>
        <label>reason <input type="text" required value=${reason} onInput=${(event) => setReason(event.target.value)} /></label> <button type="submit">amend</button></form>`
          : null
      }
    </section>`
        : null
    }
    <section class="box"><h2>Take along</h2>
      <p class="links">${EXPORTS.map((file) => html`<a key=${file} href=${`/api/smears/${smear.id}/export/${file}${reading ? `?reading=${reading.id}` : ""}`} download>${file}</a> `)}</p>
      ${
        reading?.mine && !reading.submitted
          ? html`<label>labels from a file <input type="file" accept=".csv,.parquet,.geojson,.json" onChange=${(
              event,
            ) =>
              told(async () => {
                const [file] = event.target.files;
                const kind =
                  EXPORTS.find((name) => file.name.endsWith(name)) ?? `cells.${file.name.split(".").pop()}`;
                const answer = await api.upload(
                  `/api/smears/${smear.id}/import/${kind}?reading=${reading.id}`,
                  file,
                );
                setMessage(
                  `${answer.matched} matched, ${answer.changed} changed, ${answer.unmatched.length} not found.`,
                );
              }, null)} /></label>`
          : null
      }
    </section>
    <p class="small">${app.researchUseOnly}</p>
  </main>`;
}

/** What the model counted beside what the readers made of it. */
function BeforeAfter({ session, vocabulary }) {
  const { table } = session;
  const after = differential(session.tally(), vocabulary);
  if (table.blinded) return null;
  const classes = new Map();
  let unsure = 0;
  for (let row = 0; row < table.count; row += 1) {
    if (table.added[row]) continue;
    if (table.predicted[row] < 0 || table.unsure[row]) unsure += 1;
    else
      classes.set(
        table.codes[table.predicted[row]],
        (classes.get(table.codes[table.predicted[row]]) ?? 0) + 1,
      );
  }
  const before = new Map(differential({ classes, unsure }, vocabulary).classes.map((one) => [one.code, one]));
  const names = new Map(vocabulary.classes.map((one) => [one.code, one.name]));
  const rows = after.classes.filter((one) => one.count || before.get(one.code)?.count);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="differential before and after review"><table class="list"><caption>Differential of ${after.countable} cells; M:E ${decimal(after.me.value)}; ${many(session.tally().changed ?? 0, "cell")} changed</caption>
    <thead><tr><th scope="col">class</th><th scope="col">model</th><th scope="col">reviewed</th><th scope="col">%</th><th scope="col">95 %</th><th scope="col">change</th></tr></thead>
    <tbody>${rows.map((one) => {
      const was = before.get(one.code)?.count ?? 0;
      const change = one.count - was;
      return html`<tr key=${one.code}><th scope="row">${names.get(one.code) ?? one.code}</th><td>${was}</td><td>${one.count}</td><td>${decimal(one.percent)}</td><td>${interval(one.low, one.high)}</td><td>${change > 0 ? `+${change}` : change ? `−${-change}` : ""}</td></tr>`;
    })}</tbody></table></div>`;
}
