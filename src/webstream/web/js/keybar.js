// SPDX-License-Identifier: GPL-3.0-or-later
// The row of keys that phone keyboards lack. Control and Alt hold until the next key.

import { byId, element } from './dom.js';

const KEYS = [
  { label: 'Esc', code: 'Escape', key: 'Escape' },
  { label: 'Tab', code: 'Tab', key: 'Tab' },
  { label: 'Ctrl', sticky: 'ControlLeft' },
  { label: 'Alt', sticky: 'AltLeft' },
  { label: '←', name: 'Left', code: 'ArrowLeft', key: 'ArrowLeft' },
  { label: '↑', name: 'Up', code: 'ArrowUp', key: 'ArrowUp' },
  { label: '↓', name: 'Down', code: 'ArrowDown', key: 'ArrowDown' },
  { label: '→', name: 'Right', code: 'ArrowRight', key: 'ArrowRight' },
];

export class Keybar {
  #root = byId('keybar');
  #keyboard;
  #sticky = new Set();

  constructor(keyboard, sink) {
    this.#keyboard = keyboard;
    this.#root.replaceChildren(...KEYS.map((key) => this.#button(key)));
    sink.addEventListener('stickydone', () => this.#clear());
    this.shown = false;
  }

  get shown() {
    return !this.#root.hidden;
  }

  set shown(shown) {
    this.#root.hidden = !shown;
    if (!shown) this.#clear();
  }

  #button(key) {
    const button = element('button', { type: 'button', class: 'key', 'aria-label': key.name ?? false,
      'aria-pressed': key.sticky ? 'false' : false }, key.label);
    // Without this the text field would lose the focus and the phone's keyboard would fold away.
    button.addEventListener('pointerdown', (event) => event.preventDefault());
    button.addEventListener('click', () => {
      if (!key.sticky) this.#keyboard.tap(key.code, key.key);
      else this.#toggle(button, key.sticky);
      this.#keyboard.focus();
    });
    return button;
  }

  #toggle(button, code) {
    if (!this.#sticky.delete(code)) this.#sticky.add(code);
    button.setAttribute('aria-pressed', String(this.#sticky.has(code)));
    this.#keyboard.setSticky(this.#sticky);
  }

  #clear() {
    this.#sticky.clear();
    this.#keyboard.setSticky([]);
    this.#root.querySelectorAll('[aria-pressed]').forEach((button) => button.setAttribute('aria-pressed', 'false'));
  }
}
