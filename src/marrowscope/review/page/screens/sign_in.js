// Name and password; or, on one's own machine, the word that the link is needed.

import { html, useState } from "../vendor/preact-htm/standalone.module.js";

export function SignIn({ api, mode, onDone }) {
  const [message, setMessage] = useState(null);
  if (mode === "local") {
    return html`<main class="message"><h1>marrowscope review</h1>
      <p>Open the link that the command printed: its token lets this browser in.</p></main>`;
  }
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    try {
      await api.post("/api/login", { name: form.get("name"), password: form.get("password") });
      await onDone();
    } catch (problem) {
      setMessage(problem.detail?.retry ? `${problem.message} (${problem.detail.retry} s)` : problem.message);
    }
  };
  return html`<main class="message"><h1>marrowscope review</h1>
    <form class="box" onSubmit=${submit}>
      <label>name <input name="name" required autocomplete="username" /></label>
      <label>password <input name="password" type="password" required autocomplete="current-password" /></label>
      <p role="alert">${message ?? ""}</p>
      <button type="submit" class="primary">sign in</button>
    </form></main>`;
}
