// SPDX-License-Identifier: GPL-3.0-or-later
// The session view: puts canvas, connection, input, toolbar and overlay together for one session.

import { createCapture } from './capture.js';
import { Connection } from './connection.js';
import { Cursor } from './cursor.js';
import { byId, element, setState } from './dom.js';
import { Invite } from './invite.js';
import { Keybar } from './keybar.js';
import { Keyboard } from './keyboard.js';
import * as memory from './memory.js';
import { endingText, errorText } from './messages.js';
import { Overlay } from './overlay.js';
import { Pointer } from './pointer.js';
import { Prints } from './print.js';
import { defaultZoom, Stage } from './stage.js';
import { Toolbar } from './toolbar.js';
import { Touch } from './touch.js';

export class SessionView {
  #api;
  #sessionId;
  #name;
  #guest;
  #leave;
  #overlay = new Overlay();
  #listeners = new AbortController();
  #surface;
  #canvas;
  #capture;
  #stage;
  #cursor;
  #cursorShape = null;
  #connection;
  #keyboard;
  #keybar;
  #toolbar;
  #prints;
  #invite;

  // leave(where): 'picker', 'login' when the login is over, or 'start', where nobody is known. guest: {role, ownerName}
  // of one, else null.
  constructor({ api, sessionId, name, guest, leave }) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#name = name;
    this.#guest = guest;
    this.#leave = leave;
    this.#buildScreen();
    this.#buildInput();
    this.#invite = new Invite({
      send: (mode, email) => this.#api.invite(this.#sessionId, mode, email),
      closed: () => this.#keyboard.focus(),
    });
    this.#toolbar = new Toolbar({
      guest: this.#guest,
      zoom: () => this.#stage.zoom,
      setZoom: (zoom) => this.#setZoom(zoom),
      keyboard: () => this.#toggleKeyboard(),
      disconnect: () => this.#goAway(),
      invite: () => this.#invite.open(),
      end: () => this.#askEnd(),
      leave: () => this.#keyboard.focus(),
    });
    const signal = this.#listeners.signal;
    document.addEventListener('visibilitychange', () => this.#visibility(), { signal });
    window.addEventListener('online', () => this.#connection.retryNow(), { signal });
    window.addEventListener('blur', () => this.#keyboard.releaseAll(), { signal });
  }

  start() {
    this.#connection.start();
    this.#keyboard.focus();
  }

  destroy() {
    this.#listeners.abort();
    this.#connection.stop();
    this.#capture.destroy();
    this.#toolbar.destroy();
    this.#invite.destroy();
    this.#stage.destroy();
    this.#cursor.clear();
    this.#prints.destroy();
    this.#overlay.hide();
    this.#keybar.shown = false;
    byId('end-dialog').close();
    byId('stage').replaceChildren();
    if (document.fullscreenElement) document.exitFullscreen();
    setState('session', 'none');
  }

  // A canvas can be handed to a worker only once, so each view makes its own, and its own text field with it.
  #buildScreen() {
    this.#canvas = element('canvas', { id: 'screen', role: 'img', 'aria-label': `The screen of ${this.#name}` });
    this.#surface = element('div', { id: 'surface' }, this.#canvas);
    byId('stage').replaceChildren(this.#surface);
    this.#capture = createCapture(this.#canvas, (event) => this.#captureEvent(event));
    this.#stage = new Stage(byId('stage'), this.#canvas, this.#guest ? 1 : memory.zoom.get() ?? defaultZoom(),
      (size) => this.#connection.resize(size));
    this.#cursor = new Cursor(this.#surface);
    this.#connection = new Connection({ api: this.#api, sessionId: this.#sessionId, capture: this.#capture,
      wanted: () => this.#stage.wanted, guest: this.#guest !== null });
    this.#connection.addEventListener('state', (event) => this.#stateChanged(event.detail));
    this.#prints = new Prints((time) => this.#api.document(this.#sessionId, time));
    if (!this.#guest) this.#connection.addEventListener('print', (event) => this.#prints.announce(event.detail));
    this.#connection.addEventListener('attempt', () => this.#attempt());
    this.#connection.addEventListener('roundtrip', (event) => this.#toolbar.setQuality({ roundTrip: event.detail }));
  }

  #buildInput() {
    const sink = element('textarea', { id: 'sink', 'aria-label': `Keyboard input for ${this.#name}. Control+Alt+Shift opens the toolbar.`,
      autocomplete: 'off', autocapitalize: 'off', autocorrect: 'off', spellcheck: 'false', inputmode: 'none' });
    this.#surface.append(sink);
    const send = (message) => this.#connection.send(message);
    this.#keyboard = new Keyboard(sink, { send, onMenu: () => this.#toolbar.open(true) });
    this.#keybar = new Keybar(this.#keyboard, sink);
    const pointing = {
      send,
      place: (x, y) => this.#stage.place(x, y),
      onPress: (event) => this.#pressed(event, sink),
    };
    new Pointer(this.#surface, pointing);
    new Touch(this.#surface, pointing);
  }

  #pressed(event, sink) {
    this.#toolbar.close();
    // Input methods open their windows beside the text field.
    if (event.pointerType === 'mouse') {
      sink.style.left = `${event.clientX}px`;
      sink.style.top = `${event.clientY}px`;
    }
    this.#keyboard.focus();
  }

  #captureEvent(event) {
    if (event.type === 'screen') {
      this.#stage.setScreen(event.width, event.height);
      this.#canvas.dataset.width = event.width;
      this.#canvas.dataset.height = event.height;
    } else if (event.type === 'cursor') {
      this.#cursorShape = event;
      this.#cursor.show(event, this.#stage.scale);
    } else if (event.type === 'stats') {
      this.#toolbar.setQuality({ frames: event.frames });
    }
    this.#connection.captureEvent(event);
  }

  #setZoom(zoom) {
    memory.zoom.set(zoom);
    this.#stage.setZoom(zoom);
    if (this.#cursorShape) this.#cursor.show(this.#cursorShape, this.#stage.scale);
  }

  #toggleKeyboard() {
    this.#keybar.shown = !this.#keybar.shown;
    byId('tool-keyboard').setAttribute('aria-pressed', String(this.#keybar.shown));
    this.#keyboard.setVirtual(this.#keybar.shown);
  }

  #visibility() {
    this.#capture.setHidden(document.hidden);
    if (document.hidden) this.#keyboard.releaseAll();
    else this.#connection.retryNow();
  }

  #attempt() {
    if (this.#connection.state !== 'reconnecting') return;
    this.#overlay.show({ kind: 'busy', title: 'Reconnecting …', text: 'Your session goes on in the meantime.', actions: this.#waitActions() });
  }

  #waitActions() {
    return [{ label: this.#guest ? 'Leave' : 'Back to workspaces', run: () => this.#goAway() }];
  }

  // A guest has nowhere else to go, and may come back while the session lives.
  #goAway() {
    if (!this.#guest) {
      this.#leave('picker');
      return;
    }
    this.#connection.stop();
    setState('session', 'ended');
    this.#overlay.show({ kind: 'notice', title: 'You have left the session', text: 'It goes on without you, and you can come back as long as it runs.',
      actions: [{ label: 'Join again', primary: true, run: () => this.#connection.start() }, this.#startAction()] });
  }

  #startAction(primary = false) {
    return { label: 'Log in', primary, run: () => this.#leave('start') };
  }

  #stateChanged({ state, ...detail }) {
    setState('session', state);
    this.#keyboard.enabled = state === 'active';
    if (state === 'connecting') {
      this.#overlay.show({ kind: 'busy', title: `${this.#guest ? 'Joining' : 'Starting'} ${this.#name} …`, actions: this.#waitActions() });
    } else if (state === 'active') {
      this.#overlay.hide();
      this.#capture.setHidden(document.hidden);
      this.#keyboard.focus();
      if (this.#guest) this.#toolbar.peek();
    } else {
      this.#keyboard.releaseAll();
      this.#toolbar.setQuality({ roundTrip: null });
      if (state === 'reconnecting') this.#showWaiting(detail);
      else this.#showEnd(detail);
    }
  }

  #showWaiting({ delay, error }) {
    const title = error.code === 'network' ? 'The connection was lost' : 'Not connected yet';
    this.#overlay.show({ kind: 'waiting', title, actions: [
      { label: 'Reconnect now', primary: true, run: () => this.#connection.retryNow() }, ...this.#waitActions()] });
    const prefix = error.code === 'network' ? '' : `${errorText(error)} `;
    this.#overlay.count(delay, (seconds) => `${prefix}Trying again in ${seconds} s.`);
  }

  #showEnd({ kind, reason, code, error }) {
    if (this.#guest) {
      this.#showGuestEnd(kind, reason, code, error);
      return;
    }
    if (kind === 'login' || kind === 'revoked') {
      this.#leave('login', kind === 'login' ? 'token_expired' : 'revoked');
      return;
    }
    const back = { label: 'Back to workspaces', primary: true, run: () => this.#leave('picker') };
    if (kind === 'ended') {
      memory.sessions.remove(this.#sessionId);
      const gone = code === 'unknown_session' || code === 'not_found';
      this.#overlay.show({ kind: 'notice', title: 'The session has ended', text: gone ? errorText(code) : endingText(reason), actions: [back] });
      return;
    }
    if (kind === 'suspended') {
      const resume = { label: 'Resume', primary: true, run: () => this.#connection.start() };
      this.#overlay.show({ kind: 'notice', title: 'The session is suspended', text: 'Its programs are kept as they are. Resume it to go on where you left off.',
        actions: [resume, { ...back, primary: false }] });
      return;
    }
    const again = { label: 'Try again', primary: true, run: () => this.#connection.start() };
    this.#overlay.show({ kind: 'notice', title: 'Not connected', text: errorText(error ?? code), actions: [again, { ...back, primary: false }] });
  }

  #showGuestEnd(kind, reason, code, error) {
    const again = { label: 'Try again', primary: true, run: () => this.#connection.start() };
    const show = (title, text, actions) => this.#overlay.show({ kind: 'notice', title, text, actions });
    if (kind === 'suspended') {
      show('The session is suspended', `${this.#guest.ownerName} has left it for now. You can come back when it has been resumed.`, [again, this.#startAction()]);
    } else if (kind === 'login' || kind === 'revoked' || error?.status === 403) {
      show('You are no longer a guest', errorText('guest_over'), [this.#startAction(true)]);
    } else if (kind === 'ended') {
      show('The session has ended', code === 'unknown_session' ? 'It does not exist any more.' : 'Thank you for coming.', [this.#startAction(true)]);
    } else {
      show('Not connected', errorText(error ?? code), [again, this.#startAction()]);
    }
  }

  async #askEnd() {
    const dialog = byId('end-dialog');
    dialog.returnValue = '';
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true, signal: this.#listeners.signal }));
    if (dialog.returnValue !== 'end') {
      this.#keyboard.focus();
      return;
    }
    this.#connection.stop();
    setState('session', 'ending');
    this.#overlay.show({ kind: 'busy', title: `Ending ${this.#name} …` });
    try {
      await this.#api.release(this.#sessionId);
    } catch (failure) {
      if (failure.status !== 404 && failure.status !== 410) {
        this.#stateChanged({ state: 'ended', kind: 'error', error: failure });
        return;
      }
    }
    memory.sessions.remove(this.#sessionId);
    this.#leave('picker');
  }
}
