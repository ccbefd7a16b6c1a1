// SPDX-License-Identifier: GPL-3.0-or-later
// The start of the page and the way between its three views. The session's id is in the address (#session=ID), so a
// reload comes back to the same session and the browser's Back leaves it running. A link (#code=HEX) leads straight into
// a session; a guest who came by one sees that session and nothing else.

import { Api } from './api.js';
import { byId, setState } from './dom.js';
import { codeOf, Entry, loginOf } from './entry.js';
import { LoginView } from './login.js';
import * as memory from './memory.js';
import { errorText } from './messages.js';
import { PickerView } from './picker.js';
import { SessionView } from './session.js';

const SESSION_HASH = /^#session=([0-9A-Za-z-]{8,64})$/;
const TITLE = 'Isthmus';

class App {
  #api = new Api();
  #login = new LoginView(this.#api, (result) => this.#loggedIn(result));
  #picker = new PickerView(this.#api, {
    onLaunch: ({ sessionId }) => { location.hash = `session=${sessionId}`; },
    onLoginOver: () => this.#loginOver('token_expired'),
  });
  #entry = new Entry(this.#api, {
    done: (answer) => this.#entered(answer),
    giveUp: () => this.#route(),
    known: () => memory.login.get() !== null,
  });
  #session = null;

  start() {
    this.#api.setToken(memory.login.get()?.token ?? null);
    addEventListener('hashchange', () => this.#route());
    byId('logout-button').addEventListener('click', () => this.#logout());
    this.#route();
  }

  #route(notice = '') {
    this.#session?.destroy();
    this.#session = null;
    this.#picker.hide();
    this.#entry.cancel();
    const known = memory.login.get();
    const code = codeOf(location.hash);
    const sessionId = SESSION_HASH.exec(location.hash)?.[1];
    if (code !== null) this.#enter(code);
    else if (!known) this.#showLogin(notice);
    else if (known.guest) this.#showSession(known.guest.sessionId, known.guest);
    else if (sessionId) this.#showSession(sessionId);
    else this.#showPicker(known.user);
  }

  #address(hash) {
    history.replaceState(null, '', location.pathname + location.search + hash);
  }

  #enter(code) {
    this.#address('');
    document.title = TITLE;
    setState('view', 'session');
    this.#entry.enter(code);
  }

  #entered(answer) {
    memory.login.clear();
    memory.login.set(loginOf(answer));
    this.#api.setToken(answer.token);
    memory.sessions.add({ sessionId: answer.sessionId, workspaceId: answer.workspaceId, appId: answer.appId || null, name: answer.workspaceName });
    this.#address(`#session=${answer.sessionId}`);
    this.#route();
  }

  #showLogin(notice) {
    document.title = `Log in – ${TITLE}`;
    setState('view', 'login');
    this.#login.show(notice);
  }

  #showPicker(user) {
    document.title = `Workspaces – ${TITLE}`;
    setState('view', 'picker');
    this.#picker.show(user);
  }

  #showSession(sessionId, guest = null) {
    const name = guest?.name ?? memory.sessions.find(sessionId)?.name ?? 'Session';
    document.title = `${name} – ${TITLE}`;
    setState('view', 'session');
    this.#session = new SessionView({ api: this.#api, sessionId, name, guest, leave: (where, code) => this.#leave(where, code) });
    this.#session.start();
  }

  #leave(where, code) {
    if (where === 'start') this.#forget();
    else if (where === 'login') this.#loginOver(code);
    else location.hash = '';
  }

  #loggedIn({ token, user }) {
    memory.login.set({ token, user });
    this.#api.setToken(token);
    this.#route();
  }

  // The address keeps the session, so that the next login goes straight back to it.
  #loginOver(code) {
    memory.login.clear();
    this.#api.setToken(null);
    this.#route(errorText(code));
  }

  // The token is forgotten here at once, whatever the server answers.
  #logout() {
    this.#api.logout().catch(() => {});
    this.#forget();
  }

  #forget() {
    this.#api.setToken(null);
    memory.login.clear();
    if (location.hash) location.hash = '';
    else this.#route();
  }
}

new App().start();
