// Whether everything is saved; what waits, and what to do when the server refuses it.

import { html, useState } from "../vendor/preact-htm/standalone.module.js";
import { OFFLINE, SAVED, SAVING, STOPPED } from "../logic/event_queue.js";
import { many } from "../logic/wording.js";
import { useChanges } from "./hooks.js";

export function SaveState({ session }) {
  useChanges(session);
  const [open, setOpen] = useState(false);
  if (!session) return null;
  const { queue, kept } = session;
  const count = many(queue.waiting, "action");
  const words = {
    [SAVED]: "saved",
    [SAVING]: `saving ${count}`,
    [OFFLINE]: `no connection: ${count} kept here, sent when it is back`,
    [STOPPED]: `${count} not taken: ${queue.reason}`,
  }[queue.state];
  const sign = { [SAVED]: "✓", [SAVING]: "…", [OFFLINE]: "!", [STOPPED]: "✕" }[queue.state];
  const save = () => {
    const file = new Blob([JSON.stringify(queue.events, null, 1)], { type: "application/json" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `unsaved-reading-${session.reading.id}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return html`<div class="save-state ${queue.state}" role="status">
    <span aria-hidden="true" class="sign">${sign}</span> ${words}
    ${kept.full && queue.waiting ? html` <strong>not kept by this browser: do not close it</strong>` : null}
    ${
      queue.state === STOPPED
        ? html`
      <button type="button" onClick=${() => queue.flush()}>try again</button>
      <button type="button" onClick=${save}>download</button>
      ${
        open
          ? html`<button type="button" class="danger" onClick=${() => {
              session.discard();
              setOpen(false);
            }}>really discard ${count}</button>`
          : html`<button type="button" onClick=${() => setOpen(true)}>discard…</button>`
      }`
        : null
    }
    ${queue.state === OFFLINE ? html`<button type="button" onClick=${() => queue.flush()}>try now</button>` : null}
  </div>`;
}

/** Short messages about what was not done, or was done by someone else. */
export function Notices({ session }) {
  useChanges(session);
  return html`<div class="notices" role="alert">
    ${(session?.notices ?? []).map(
      (one) => html`<div class="notice" key=${one.id}>
      ${one.text}
      <button type="button" aria-label="dismiss" onClick=${() => session.dismiss(one.id)}>✕</button>
    </div>`,
    )}
  </div>`;
}
