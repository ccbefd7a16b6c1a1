// SPDX-License-Identifier: GPL-3.0-or-later
// What the page remembers: the login and the sessions it started, for as long as the tab lives; the zoom for longer.
// A browser that refuses storage gets a page that forgets on reload, nothing worse.

const LOGIN = 'isthmus.login';
const SESSIONS = 'isthmus.sessions';
const ZOOM = 'isthmus.zoom';
const MAX_SESSIONS = 32;

function read(storage, key) {
  try {
    return JSON.parse(window[storage].getItem(key));
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  try {
    if (value === null) window[storage].removeItem(key);
    else window[storage].setItem(key, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}

// {token, user: {id, username, displayName}} or null; of a guest {token, user: {displayName}, guest: {sessionId, role,
// ownerName, name}}.
export const login = {
  get: () => read('sessionStorage', LOGIN),
  set: (value) => write('sessionStorage', LOGIN, value),
  clear: () => {
    write('sessionStorage', LOGIN, null);
    write('sessionStorage', SESSIONS, null);
  },
};

// [{sessionId, workspaceId, appId, name}], the newest first.
export const sessions = {
  all: () => read('sessionStorage', SESSIONS) ?? [],
  find: (sessionId) => sessions.all().find((session) => session.sessionId === sessionId) ?? null,
  add: (session) => {
    const others = sessions.all().filter((other) => other.sessionId !== session.sessionId);
    write('sessionStorage', SESSIONS, [session, ...others].slice(0, MAX_SESSIONS));
  },
  remove: (sessionId) => {
    write('sessionStorage', SESSIONS, sessions.all().filter((session) => session.sessionId !== sessionId));
  },
};

// Device pixels of the viewer per pixel of the session, or null when nobody chose one.
export const zoom = {
  get: () => read('localStorage', ZOOM),
  set: (value) => write('localStorage', ZOOM, value),
};
