// Requests to the server: JSON in, JSON out, one kind of error.

/** What went wrong, in the server's words. `status` is 0 when no answer came. */
export class ApiError extends Error {
  constructor(message, status, detail = {}) {
    super(message);
    this.status = status;
    this.code = detail.code ?? null;
    this.detail = detail;
  }
}

/** The server as functions; `csrf` is set once the session is known. */
export class Api {
  constructor(fetcher = (...given) => fetch(...given)) {
    this.fetcher = fetcher;
    this.csrf = null;
    this.onSignedOut = () => {};
  }

  get(path) {
    return this.request("GET", path);
  }

  post(path, body = {}, options = {}) {
    return this.request("POST", path, JSON.stringify(body), "application/json", options);
  }

  patch(path, body) {
    return this.request("PATCH", path, JSON.stringify(body), "application/json");
  }

  /** The bytes of a file. */
  upload(path, file) {
    return this.request("POST", path, file, "application/octet-stream");
  }

  /** Where another window has signed in anew, the token of this one no longer holds: take the new
   *  one, and ask once more. */
  async request(...asked) {
    try {
      return await this.once(...asked);
    } catch (error) {
      if (error.code !== "csrf") throw error;
      const { csrf, signed_in: signedIn } = await this.once("GET", "/api/session");
      if (!signedIn || csrf === this.csrf) throw error;
      this.csrf = csrf;
      return this.once(...asked);
    }
  }

  async once(method, path, body = undefined, type = null, { keepalive = false } = {}) {
    const headers = { Accept: "application/json" };
    if (type) headers["Content-Type"] = type;
    if (method !== "GET" && this.csrf) headers["X-CSRF-Token"] = this.csrf;
    let response;
    try {
      response = await this.fetcher(path, {
        method,
        headers,
        body,
        keepalive,
        credentials: "same-origin",
        priority: method === "GET" ? "auto" : "high",
      });
    } catch {
      throw new ApiError("the server does not answer", 0);
    }
    let answer = null;
    try {
      answer = await response.json();
    } catch {
      if (response.ok) throw new ApiError("the answer is not complete", 0);
    }
    if (response.ok) return answer;
    const retry = response.headers.get("Retry-After");
    const detail = { ...(answer ?? {}), ...(retry ? { retry: Number(retry) } : {}) };
    if (response.status === 401) this.onSignedOut();
    throw new ApiError(answer?.error ?? `the server answers ${response.status}`, response.status, detail);
  }
}
