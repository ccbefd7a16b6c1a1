// SPDX-License-Identifier: GPL-3.0-or-later
// The HTTP calls to the gateway. Every address is relative to the page, so the client works below any URL prefix.

const TIMEOUT_MS = 30000;
const DOCUMENT_TIMEOUT_MS = 300000;

// code: the gateway's word, or 'network' when there was no answer and 'http_NNN' when the answer had none.
export class ApiError extends Error {
  constructor(status, code, message, waitSeconds = 0) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.waitSeconds = waitSeconds;
  }
}

function pageUrl(path) {
  return new URL(path, document.baseURI);
}

// Seconds from Retry-After, of which only the number form is in use here.
function retryAfter(response) {
  const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 0;
}

async function readJson(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

export class Api {
  #token;

  constructor(token = null) {
    this.#token = token;
  }

  setToken(token) {
    this.#token = token;
  }

  async #fetch(method, path, { body, sessionId, timeout = TIMEOUT_MS } = {}) {
    const headers = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    if (sessionId) headers['X-Session-ID'] = sessionId;
    try {
      return await fetch(pageUrl(path), {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: 'no-store',
        credentials: 'omit',
        signal: AbortSignal.timeout(timeout),
      });
    } catch {
      throw new ApiError(0, 'network', 'no answer');
    }
  }

  static #refused(response, answer) {
    const { code, message } = answer?.error ?? {};
    return new ApiError(response.status, code ?? `http_${response.status}`, message ?? '', retryAfter(response));
  }

  async #call(method, path, options = {}) {
    const response = await this.#fetch(method, path, options);
    const answer = await readJson(response);
    if (!response.ok || answer?.success === false) throw Api.#refused(response, answer);
    return answer?.data ?? answer ?? {};
  }

  login(username, password) {
    return this.#call('POST', 'iam/auth/login', { body: { username, password } });
  }

  logout() {
    return this.#call('POST', 'iam/auth/logout');
  }

  entitlements(userId) {
    return this.#call('GET', `iam/users/${encodeURIComponent(userId)}/entitlements`);
  }

  select(workspace, appId) {
    const body = { workspaceId: workspace.id, workspaceType: workspace.type };
    if (appId) body.appId = appId;
    return this.#call('POST', 'gateway/session/select', { body });
  }

  connection(sessionId, width, height) {
    return this.#call('GET', `getConnection?width=${width}&height=${height}`, { sessionId });
  }

  ticket(sessionId, channel) {
    return this.#call('POST', 'gateway/session/ticket', { sessionId, body: { sessionId, channel } });
  }

  status(sessionId) {
    return this.#call('GET', 'gateway/session/status', { sessionId });
  }

  // A one-time code for a login or for a guest's place. No token goes along: whose page this was does not matter.
  exchange(code) {
    return new Api().#call('POST', 'gateway/session/code', { body: { code } });
  }

  invite(sessionId, mode, email) {
    const body = { sessionId, mode };
    if (email) body.email = email;
    return this.#call('POST', 'gateway/session/invite', { body });
  }

  release(sessionId) {
    return this.#call('POST', 'gateway/session/release', { sessionId, body: { sessionId } });
  }

  // A printed document as a Blob.
  async document(sessionId, time) {
    const response = await this.#fetch('GET', `session/print/${time}`, { sessionId, timeout: DOCUMENT_TIMEOUT_MS });
    if (!response.ok) throw Api.#refused(response, await readJson(response));
    try {
      return await response.blob();
    } catch {
      throw new ApiError(0, 'network', 'the answer broke off');
    }
  }

  // The address and the sub-protocols of a WebSocket; the ticket in the latter is what admits it.
  static socket(channel, ticket) {
    const url = pageUrl(channel);
    url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
    return { url: url.href, protocols: ['isthmus.v1', `ticket.${ticket}`] };
  }
}
