// The count as it stands: cells, M:E ratio, blasts and what they decide.

import { html } from "../vendor/preact-htm/standalone.module.js";
import { decimal, interval, many } from "../logic/wording.js";

export function CountSummary({ count, tally, target }) {
  const { me, blasts } = count;
  const total = tally.reviewed + tally.unreviewed;
  return html`<section class="summary" aria-label="count" aria-live="off">
    <dl>
      <dt>reviewed</dt>
      <dd>${tally.reviewed} <small>of ${total}</small>
        <progress value=${tally.reviewed} max=${Math.max(total, 1)} aria-label="cells reviewed"></progress></dd>
      <dt>counted</dt>
      <dd>${count.countable} <small>of ${target} wanted</small></dd>
      <dt>M:E</dt>
      <dd>${decimal(me.value)} <small>${me.value === null ? "" : interval(me.low, me.high)}</small></dd>
      <dt>blasts</dt>
      <dd>${decimal(blasts.percent)} % <small>${blasts.percent === null ? "" : interval(blasts.low, blasts.high)}</small></dd>
    </dl>
    <${BlastScale} blasts=${blasts} countable=${count.countable} />
    ${
      count.countable &&
      blasts.decisions.map(
        (one) => html`<p class="open-decision" key=${one.threshold}>
      ${one.threshold} % is open: ${one.more === null ? "more cells will hardly settle it" : `about ${many(one.more, "cell")} more would settle it`}
    </p>`,
      )
    }
    ${count.notClassified ? html`<p class="small">${many(count.notClassified, "cell")} not classified</p>` : null}
  </section>`;
}

/** The interval of the blasts on a line with the limits that decide: 5, 10, 20 %. */
function BlastScale({ blasts, countable }) {
  if (!countable) return null;
  const most = 30;
  const at = (percent) => `${(100 * Math.min(percent, most)) / most}%`;
  return html`<div class="blast-scale" aria-hidden="true">
    ${[5, 10, 20].map((one) => html`<span class="limit" key=${one} style=${{ left: at(one) }}>${one}</span>`)}
    <span class="range" style=${{ left: at(blasts.low), width: `calc(${at(blasts.high)} - ${at(blasts.low)})` }}></span>
    <span class="value" style=${{ left: at(blasts.percent) }}></span>
  </div>`;
}

/** What the count said about itself: which classes the model knows, what was stated by the user. */
export function Remarks({ smear, open = false }) {
  if (!smear.remarks?.length) return null;
  return html`<details class="remarks" open=${open}><summary>${many(smear.remarks.length, "remark")} on this count</summary>
    <ul>${smear.remarks.map((one) => html`<li key=${one}>${one}</li>`)}</ul></details>`;
}
