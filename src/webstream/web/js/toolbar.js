// SPDX-License-Identifier: GPL-3.0-or-later
// The handle at the top of a session and the bar that it opens: quality, zoom, full screen, keyboard, invite, leave, end.
// For guests: what they are, and only what they may do.

import { byId } from './dom.js';

const HIDE_MS = 2500;
const HOVER_CLICK_MS = 600; // a click this soon after hovering has opened the bar is not meant to close it
const ZOOMS = [1, 1.25, 1.5, 2, 3, 4];
const PEEK_MS = 5000;
const GOOD_MS = 80;
const FAIR_MS = 200;

export class Toolbar {
  #root = byId('toolbar');
  #handle = byId('toolbar-handle');
  #panel = byId('toolbar-panel');
  #timer = 0;
  #hoveredAt = -Infinity;
  #listeners = new AbortController();
  #roundTrip = null;
  #frames = 0;
  #actions;

  // actions: {guest, zoom(), setZoom(z), keyboard(), invite(), disconnect(), end(), leave()}; leave() gives the focus back to
  // the session; guest is {role} or null.
  constructor(actions) {
    this.#actions = actions;
    this.#on(this.#handle, 'click', () => this.toggle());
    this.#on(this.#root, 'pointerenter', (event) => event.pointerType === 'mouse' && this.open(false));
    this.#on(this.#root, 'pointerleave', () => this.#hideLater());
    this.#on(this.#root, 'focusin', () => clearTimeout(this.#timer));
    this.#on(this.#root, 'focusout', () => this.#hideLater());
    this.#on(this.#root, 'keydown', (event) => {
      if (event.key !== 'Escape') return;
      this.close();
      this.#actions.leave();
    });
    this.#button('tool-fullscreen', () => this.#fullscreen());
    this.#button('tool-keyboard', () => actions.keyboard());
    this.#button('tool-smaller', () => this.#step(-1));
    this.#button('tool-larger', () => this.#step(1));
    this.#button('tool-invite', () => actions.invite());
    this.#button('tool-disconnect', () => actions.disconnect());
    this.#button('tool-end', () => actions.end());
    this.#on(document, 'fullscreenchange', () => this.#fullscreenChanged());
    byId('tool-fullscreen').hidden = !document.fullscreenEnabled;
    this.#showRole(actions.guest);
    this.#showZoom();
    this.setQuality({ roundTrip: null });
    this.close();
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#listeners.abort();
    this.close();
  }

  toggle() {
    const settled = performance.now() - this.#hoveredAt > HOVER_CLICK_MS;
    if (this.#root.dataset.open === 'true' && settled) this.close();
    else this.open(true);
  }

  open(focus) {
    clearTimeout(this.#timer);
    if (!focus && this.#root.dataset.open !== 'true') this.#hoveredAt = performance.now();
    this.#root.dataset.open = 'true';
    this.#handle.setAttribute('aria-expanded', 'true');
    this.#panel.inert = false;
    if (focus) this.#panel.querySelector('button:not([hidden])')?.focus();
  }

  close() {
    clearTimeout(this.#timer);
    this.#root.dataset.open = 'false';
    this.#handle.setAttribute('aria-expanded', 'false');
    this.#panel.inert = true;
  }

  // Shows it for a while, for those who do not know it yet.
  peek() {
    this.open(false);
    this.#hideLater(PEEK_MS);
  }

  #showRole(guest) {
    const watching = guest?.role === 'passive';
    byId('guest-role').hidden = !guest;
    byId('guest-role').textContent = watching ? 'You are watching' : 'You are a guest with control';
    // A guest's picture is scaled to the window, so there is nothing to choose.
    byId('tool-sizes').hidden = guest !== null;
    byId('tool-keyboard').hidden = watching;
    byId('tool-invite').hidden = guest !== null;
    byId('tool-end').hidden = guest !== null;
    byId('tool-disconnect').title = guest ? 'Leave; you can come back' : 'Leave; the session goes on';
    byId('tool-disconnect').querySelector('span').textContent = guest ? 'Leave' : 'Disconnect';
  }

  setQuality({ roundTrip = this.#roundTrip, frames = this.#frames }) {
    this.#roundTrip = roundTrip;
    this.#frames = frames;
    const level = roundTrip === null ? 'none' : roundTrip <= GOOD_MS ? 'good' : roundTrip <= FAIR_MS ? 'fair' : 'poor';
    const word = { none: 'Not connected', good: 'Good', fair: 'Fair', poor: 'Slow' }[level];
    this.#root.dataset.quality = level;
    byId('quality-word').textContent = word;
    byId('quality-figures').textContent = level === 'none' ? '' : `${Math.max(1, Math.round(roundTrip))} ms · ${frames ? `${frames} fps` : 'idle'}`;
  }

  #on(target, type, handler) {
    target.addEventListener(type, handler, { signal: this.#listeners.signal });
  }

  #button(id, action) {
    this.#on(byId(id), 'click', action);
  }

  #hideLater(delay = HIDE_MS) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#root.matches(':hover') && !this.#panel.contains(document.activeElement)) this.close();
    }, delay);
  }

  #step(direction) {
    const zoom = this.#actions.zoom();
    const candidates = direction > 0 ? ZOOMS.filter((z) => z > zoom) : ZOOMS.filter((z) => z < zoom).reverse();
    if (candidates.length) this.#actions.setZoom(candidates[0]);
    this.#showZoom();
  }

  #showZoom() {
    const zoom = this.#actions.zoom();
    byId('tool-zoom').textContent = `${Math.round(zoom * 100)} %`;
    byId('tool-smaller').disabled = zoom <= ZOOMS[0];
    byId('tool-larger').disabled = zoom >= ZOOMS[ZOOMS.length - 1];
  }

  async #fullscreen() {
    if (document.fullscreenElement) {
      await document.exitFullscreen();
      return;
    }
    try {
      await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
      // With this the session gets Escape, Alt+Tab and Control+W too; leaving is then holding Escape.
      await navigator.keyboard?.lock?.();
    } catch {
      // Refused by the browser or the person: the window stays as it is.
    }
    this.#actions.leave();
  }

  #fullscreenChanged() {
    const on = document.fullscreenElement !== null;
    byId('tool-fullscreen').setAttribute('aria-pressed', String(on));
    byId('tool-fullscreen').title = on ? 'Leave full screen' : 'Full screen';
    if (!on) navigator.keyboard?.unlock?.();
  }
}
