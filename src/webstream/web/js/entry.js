// SPDX-License-Identifier: GPL-3.0-or-later
// The way in by a link: #code=HEX is good once, for a login or for a guest's place in one session. The code leaves the
// address at once, so that neither the history nor a bookmark nor somebody who looks over a shoulder has it.

import { errorText } from './messages.js';
import { Overlay } from './overlay.js';

const CODE = /^[0-9a-f]{32}$/;

// The code of an address's hash, '' for one that is none, null when the address has no link.
export function codeOf(hash) {
  if (!hash.startsWith('#code=')) return null;
  const code = hash.slice('#code='.length);
  return CODE.test(code) ? code : '';
}

// What the page remembers of the answer: {token, user}, for guests with {guest: {sessionId, role, ownerName, name}}.
export function loginOf({ token, role, user, sessionId, displayName, ownerName, workspaceName }) {
  if (role === 'owner') return { token, user };
  const guest = { sessionId, role, ownerName, name: workspaceName };
  return { token, user: { displayName: displayName || 'Guest' }, guest };
}

// Whether trying the same code again can be of use: nobody has said no to it.
export function isWorthRetrying(error) {
  return error.status === 0 || error.status === 429 || error.status >= 500;
}

export class Entry {
  #api;
  #done;
  #giveUp;
  #known;
  #overlay = new Overlay();
  #run = 0;

  // done(answer) when it worked; giveUp() when the person goes where the page would have begun; known() says whether that
  // is behind a login.
  constructor(api, { done, giveUp, known }) {
    this.#api = api;
    this.#done = done;
    this.#giveUp = giveUp;
    this.#known = known;
  }

  async enter(code) {
    const run = ++this.#run;
    this.#overlay.show({ kind: 'busy', title: 'Opening your session …' });
    try {
      if (!code) throw Object.assign(new Error('no code'), { status: 401, code: 'code_invalid' });
      const answer = await this.#api.exchange(code);
      if (run !== this.#run) return;
      this.#overlay.hide();
      this.#done(answer);
    } catch (error) {
      if (run === this.#run) this.#refused(code, error);
    }
  }

  // Another view has the overlay from now on.
  cancel() {
    this.#run += 1;
    this.#overlay.hide();
  }

  #refused(code, error) {
    const again = { label: 'Try again', primary: true, run: () => this.enter(code) };
    const actions = isWorthRetrying(error) ? [again] : [];
    actions.push({ label: this.#known() ? 'Continue' : 'Log in', primary: actions.length === 0, run: () => this.#giveUp() });
    const title = { code_invalid: 'This link cannot be used', session_ended: 'The session has ended' }[error.code];
    this.#overlay.show({ kind: 'notice', title: title ?? 'The session could not be opened', text: errorText(error), actions });
  }
}
