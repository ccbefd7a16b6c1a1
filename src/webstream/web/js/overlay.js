// SPDX-License-Identifier: GPL-3.0-or-later
// The card over the picture while there is no live connection: what is going on, and what the person can do.

import { byId, element } from './dom.js';

export class Overlay {
  #root = byId('overlay');
  #title = byId('overlay-title');
  #text = byId('overlay-text');
  #actions = byId('overlay-actions');
  #countdown = 0;

  // kind: busy (spinner), waiting, notice. actions: [{label, primary, run}].
  show({ kind, title, text = '', actions = [] }) {
    clearInterval(this.#countdown);
    this.#root.dataset.kind = kind;
    this.#title.textContent = title;
    this.#text.textContent = text;
    this.#actions.replaceChildren(...actions.map(({ label, primary, run }) =>
      element('button', { type: 'button', class: primary ? 'button primary' : 'button', onclick: run }, label)));
    this.#root.hidden = false;
    if (kind === 'notice') this.#actions.querySelector('.primary')?.focus();
  }

  // Shows the seconds left; write(seconds) gives the sentence.
  count(milliseconds, write) {
    const until = performance.now() + milliseconds;
    const tick = () => {
      this.#text.textContent = write(Math.max(0, Math.ceil((until - performance.now()) / 1000)));
    };
    tick();
    this.#countdown = setInterval(tick, 250);
  }

  hide() {
    clearInterval(this.#countdown);
    this.#root.hidden = true;
  }
}
