// SPDX-License-Identifier: GPL-3.0-or-later
// The session's pointer shape as the browser's own cursor: it moves without any delay.

// Browsers ignore CSS cursors that are larger than this.
const MAX_CSS_SIDE = 128;

export class Cursor {
  #surface;
  #url = null;

  constructor(surface) {
    this.#surface = surface;
  }

  // scale: CSS pixels for a session pixel.
  show({ w, h, hotX, hotY, data }, scale) {
    const old = this.#url;
    this.#url = null;
    if (!data) {
      this.#surface.style.cursor = 'none';
    } else if (Math.max(w, h) * scale > MAX_CSS_SIDE) {
      this.#surface.style.cursor = 'default';
    } else {
      this.#url = URL.createObjectURL(new Blob([data], { type: 'image/png' }));
      const x = Math.min(Math.round(hotX * scale), Math.ceil(w * scale) - 1);
      const y = Math.min(Math.round(hotY * scale), Math.ceil(h * scale) - 1);
      const plain = `url("${this.#url}") ${x} ${y}, default`;
      this.#surface.style.cursor = plain;
      // Browsers that do not know image-set in cursors keep the line above.
      if (scale !== 1) this.#surface.style.cursor = `image-set(url("${this.#url}") ${1 / scale}x) ${x} ${y}, default`;
    }
    // The browser may still be loading the old one when it is replaced quickly.
    if (old) setTimeout(() => URL.revokeObjectURL(old), 1000);
  }

  clear() {
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
    this.#surface.style.cursor = '';
  }
}
