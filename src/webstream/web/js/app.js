// SPDX-License-Identifier: GPL-3.0-or-later
// The start of the page and the way between its three views. The session's id is in the address (#session=ID), so a
// reload comes back to the same session and the browser's Back leaves it running.

import { Api } from './api.js';
import { byId, setState } from './dom.js';
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
    const known = memory.login.get();
    const sessionId = SESSION_HASH.exec(location.hash)?.[1];
    if (!known) this.#showLogin(notice);
    else if (sessionId) this.#showSession(sessionId);
    else this.#showPicker(known.user);
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

  #showSession(sessionId) {
    const name = memory.sessions.find(sessionId)?.name ?? 'Session';
    document.title = `${name} – ${TITLE}`;
    setState('view', 'session');
    this.#session = new SessionView({ api: this.#api, sessionId, name, leave: (where, code) => this.#leave(where, code) });
    this.#session.start();
  }

  #leave(where, code) {
    if (where === 'login') this.#loginOver(code);
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
    this.#api.setToken(null);
    memory.login.clear();
    if (location.hash) location.hash = '';
    else this.#route();
  }
}

new App().start();
