// SPDX-License-Identifier: GPL-3.0-or-later
// Printed documents: a notice with a button that downloads the PDF.

import { byId, element } from './dom.js';
import { errorText } from './messages.js';

const SHOWN_MAX = 5; // notices at a time; the oldest go

export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 999500) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1000000).toFixed(1)} MB`;
}

// What a message says, or null: it is none, or the document is known already.
export class Announced {
  #times = new Set();

  read({ title, time, bytes }) {
    const sane = typeof title === 'string' && title !== '' && Number.isSafeInteger(time) && time >= 0
      && Number.isSafeInteger(bytes) && bytes >= 0;
    if (!sane || this.#times.has(time)) return null;
    this.#times.add(time);
    return { title, time, bytes };
  }
}

export class Prints {
  #root = byId('prints');
  #announced = new Announced();
  #fetch;

  // fetch(time) gives the document as a Blob.
  constructor(fetch) {
    this.#fetch = fetch;
  }

  announce(message) {
    const printed = this.#announced.read(message);
    if (!printed) return;
    const text = element('span', { class: 'print-text' }, `${printed.title}, ${sizeText(printed.bytes)}`);
    const notice = element('div', { class: 'print-notice' }, text);
    const download = element('button', { type: 'button', class: 'button primary', onclick: () => this.#download(printed, notice, text, download) },
      'Download');
    const close = element('button', { type: 'button', class: 'button quiet', 'aria-label': `Dismiss ${printed.title}`, onclick: () => notice.remove() }, 'Dismiss');
    notice.append(download, close);
    this.#root.append(notice);
    while (this.#root.childElementCount > SHOWN_MAX) this.#root.firstElementChild.remove();
  }

  async #download(printed, notice, text, button) {
    button.disabled = true;
    try {
      const url = URL.createObjectURL(await this.#fetch(printed.time));
      element('a', { href: url, download: printed.title }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60000); // the browser has to have begun by then
      notice.remove();
    } catch (failure) {
      text.textContent = `${printed.title}: ${errorText(failure)}`;
      button.disabled = false;
    }
  }

  destroy() {
    this.#root.replaceChildren();
  }
}
