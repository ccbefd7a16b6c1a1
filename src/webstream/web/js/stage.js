// SPDX-License-Identifier: GPL-3.0-or-later
// Where the canvas lies: one session pixel on one device pixel (times the zoom), letterboxed and scaled only while the
// session has another size than the window.

const RESIZE_SETTLE_MS = 180;
const MIN_SIDE = 200; // the smallest and the largest screen that /control accepts
const MAX_WIDTH = 7680;
const MAX_HEIGHT = 4320;

// How many device pixels a session pixel gets when nobody chose: one, but more on phones, whose pixels are too
// small for a desktop's text.
export function defaultZoom() {
  const coarse = matchMedia('(pointer: coarse)').matches;
  return coarse ? Math.max(1, Math.round(devicePixelRatio * 0.75)) : 1;
}

export class Stage {
  #container;
  #canvas;
  #zoom;
  #onWanted;
  #device = { width: 0, height: 0 }; // the container in device pixels
  #screen = { width: 0, height: 0 }; // the session's size
  #observer;
  #timer = 0;

  // onWanted({width, height}) is called when the window has settled on a new size.
  constructor(container, canvas, zoom, onWanted) {
    this.#container = container;
    this.#canvas = canvas;
    this.#zoom = zoom;
    this.#onWanted = onWanted;
    this.#measure();
    this.#observer = new ResizeObserver((entries) => {
      this.#measure(entries[entries.length - 1]);
      this.#settle();
    });
    try {
      this.#observer.observe(container, { box: 'device-pixel-content-box' });
    } catch {
      this.#observer.observe(container);
    }
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#observer.disconnect();
  }

  get wanted() {
    const side = (length, most) => Math.min(most, Math.max(MIN_SIDE, Math.floor(length / this.#zoom)));
    return { width: side(this.#device.width, MAX_WIDTH), height: side(this.#device.height, MAX_HEIGHT) };
  }

  get zoom() {
    return this.#zoom;
  }

  setZoom(zoom) {
    this.#zoom = zoom;
    this.#settle();
  }

  setScreen(width, height) {
    this.#screen = { width, height };
    this.#layout();
  }

  // A point of the page in session pixels, kept inside the screen.
  place(clientX, clientY) {
    const rect = this.#canvas.getBoundingClientRect();
    const inside = (at, length, size) => Math.max(0, Math.min(size - 1, Math.floor((at / length) * size)));
    return {
      x: inside(clientX - rect.left, rect.width || 1, this.#screen.width || 1),
      y: inside(clientY - rect.top, rect.height || 1, this.#screen.height || 1),
    };
  }

  // CSS pixels for one session pixel.
  get scale() {
    return this.#factor() / devicePixelRatio;
  }

  #measure(entry) {
    const rect = this.#container.getBoundingClientRect();
    const width = Math.round(rect.width * devicePixelRatio);
    const height = Math.round(rect.height * devicePixelRatio);
    // The browser knows the exact figure; but in some emulated displays it means other pixels.
    const exact = entry?.devicePixelContentBoxSize?.[0];
    const credible = exact && Math.abs(exact.inlineSize - width) <= 2 && Math.abs(exact.blockSize - height) <= 2;
    this.#device = credible ? { width: exact.inlineSize, height: exact.blockSize } : { width, height };
  }

  #settle() {
    this.#layout();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onWanted(this.wanted), RESIZE_SETTLE_MS);
  }

  #factor() {
    const { width, height } = this.#screen;
    if (!width || !height) return this.#zoom;
    const wanted = this.wanted;
    if (wanted.width === width && wanted.height === height) return this.#zoom;
    return Math.min(this.#device.width / width, this.#device.height / height);
  }

  #layout() {
    const { width, height } = this.#screen;
    if (!width || !height) return;
    const factor = this.#factor();
    const style = this.#canvas.style;
    const css = (device) => `${device / devicePixelRatio}px`;
    style.width = css(width * factor);
    style.height = css(height * factor);
    // On whole device pixels, otherwise the picture would be interpolated.
    style.left = css(Math.max(0, Math.floor((this.#device.width - width * factor) / 2)));
    style.top = css(Math.max(0, Math.floor((this.#device.height - height * factor) / 2)));
    this.#canvas.classList.toggle('scaled', !Number.isInteger(factor));
  }
}
