// Who may do what, in a laboratory; and one's own password.

import { html, useState } from "../vendor/preact-htm/standalone.module.js";
import { decimal } from "../logic/wording.js";
import { useAnswer } from "../parts/hooks.js";

const ROLES = {
  viewer: "looks",
  reader: "reads",
  signer: "assigns, adjudicates, signs",
  admin: "users and imports",
};

export function Users({ app }) {
  const { api, user } = app;
  const { data, error, again } = useAnswer(api, "/api/users");
  const [message, setMessage] = useState(null);
  const told = async (event, task, words) => {
    event.preventDefault?.();
    const form = event.target;
    try {
      await task(form instanceof HTMLFormElement ? new FormData(form) : null);
      setMessage(words);
      if (form instanceof HTMLFormElement) form.reset();
      again();
    } catch (problem) {
      setMessage(problem.message);
    }
  };
  const admin = user.roles.includes("admin");
  const withRole = (one, role, on) => (on ? [...one.roles, role] : one.roles.filter((each) => each !== role));
  return html`<main class="users page-scroll" tabindex="-1">
    <h1>Users</h1>
    <p role="status" class="message-line">${message ?? error?.message ?? ""}</p>
    <table class="list"><caption class="unseen">users</caption>
      <thead><tr><th scope="col">name</th>${Object.entries(ROLES).map(([role, words]) => html`<th scope="col" key=${role}>${role} <small>${words}</small></th>`)}<th scope="col">active</th></tr></thead>
      <tbody>${(data?.users ?? []).map(
        (one) => html`<tr key=${one.id}><th scope="row">${one.display} <small>${one.name}</small></th>
        ${Object.keys(ROLES).map(
          (
            role,
          ) => html`<td key=${role}><input type="checkbox" aria-label=${`${one.display}: ${role}`} checked=${one.roles.includes(role)} disabled=${!admin}
          onChange=${(event) => told(event, () => api.patch(`/api/users/${one.id}`, { roles: withRole(one, role, event.target.checked) }), "Changed.")} /></td>`,
        )}
        <td><input type="checkbox" aria-label=${`${one.display}: active`} checked=${one.active} disabled=${!admin}
          onChange=${(event) => told(event, () => api.patch(`/api/users/${one.id}`, { active: event.target.checked }), "Changed.")} /></td></tr>`,
      )}</tbody></table>
    ${
      admin
        ? html`<form class="box" onSubmit=${(event) => told(event, (form) => api.post("/api/users", { name: form.get("name"), display: form.get("display"), password: form.get("password"), roles: form.getAll("roles") }), "Added.")}>
      <h2>Add</h2>
      <label>sign-in name <input name="name" required autocomplete="off" /></label>
      <label>name as shown <input name="display" required autocomplete="off" /></label>
      <label>first password <input name="password" type="password" required minlength="10" autocomplete="new-password" /></label>
      <fieldset><legend>roles</legend>${Object.entries(ROLES).map(([role, words]) => html`<label key=${role}><input type="checkbox" name="roles" value=${role} /> ${role} (${words})</label>`)}</fieldset>
      <button type="submit" class="primary">add</button></form>`
        : null
    }
    ${
      app.mode === "server"
        ? html`<form class="box" onSubmit=${(event) => told(event, (form) => api.post("/api/password", { old: form.get("old"), new: form.get("new") }), "Your password is changed.")}>
      <h2>Your password</h2>
      <label>old <input name="old" type="password" required autocomplete="current-password" /></label>
      <label>new <input name="new" type="password" required minlength="10" autocomplete="new-password" /></label>
      <button type="submit">change</button></form>`
        : null
    }
    <${Pace} api=${api} user=${user} />
  </main>`;
}

/** One's own readings by day: how many cells, how quick, how often as the final label. */
function Pace({ api, user }) {
  const { data } = useAnswer(api, user.roles.includes("reader") ? `/api/readers/${user.id}/statistics` : null);
  if (!data?.days.length) return null;
  return html`<section class="box"><h2>Your readings</h2>
    <table class="list"><caption class="unseen">your readings by day</caption>
      <thead><tr><th scope="col">day</th><th scope="col">cells</th><th scope="col">seconds a cell</th><th scope="col">agreement</th></tr></thead>
      <tbody>${data.days.map(
        (one) => html`<tr key=${one.date}><th scope="row">${one.date}</th><td>${one.cells}</td>
        <td>${decimal(one.seconds_per_cell)}</td><td>${one.agreement === null ? "–" : `${decimal(100 * one.agreement, 0)} %`}</td></tr>`,
      )}</tbody></table></section>`;
}
