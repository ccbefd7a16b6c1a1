// SPDX-License-Identifier: GPL-3.0-or-later
// Fingers to a mouse: a tap clicks, a drag drags, two fingers scroll, a long press is the right button.

const SLOP = 12; // CSS pixels a resting finger may wander
const LONG_PRESS_MS = 550;
const SCROLL_PER_PIXEL = 3; // 1/120 of a notch for each CSS pixel: a notch for 40 pixels
const LEFT = 1;
const RIGHT = 2;

export class Touch {
  #place;
  #send;
  #onPress;
  #points = new Map(); // pointerId -> {clientX, clientY}
  #start = null;
  #mode = 'idle'; // idle, resting (one finger down), dragging, scrolling, done (waits for the fingers to leave)
  #timer = 0;
  #rest = { dx: 0, dy: 0 };

  constructor(surface, { place, send, onPress }) {
    this.#place = place;
    this.#send = send;
    this.#onPress = onPress;
    const touch = (handler) => (event) => {
      if (event.pointerType !== 'touch') return;
      event.preventDefault();
      handler.call(this, event);
    };
    surface.addEventListener('pointerdown', touch(this.#down));
    surface.addEventListener('pointermove', touch(this.#move));
    surface.addEventListener('pointerup', touch(this.#up));
    surface.addEventListener('pointercancel', touch(this.#cancel));
    // Without these a browser would scroll, zoom or click by itself.
    surface.addEventListener('touchstart', (event) => event.preventDefault(), { passive: false });
    surface.addEventListener('touchmove', (event) => event.preventDefault(), { passive: false });
  }

  #pointer(at, buttons) {
    this.#send({ type: 'pointer', ...this.#place(at.clientX, at.clientY), buttons });
  }

  #click(at, button) {
    this.#pointer(at, 0);
    this.#pointer(at, button);
    this.#pointer(at, 0);
  }

  #down(event) {
    this.#onPress(event);
    this.#points.set(event.pointerId, { clientX: event.clientX, clientY: event.clientY });
    if (this.#points.size === 1) {
      this.#start = { clientX: event.clientX, clientY: event.clientY };
      this.#mode = 'resting';
      this.#timer = setTimeout(() => this.#longPress(), LONG_PRESS_MS);
    } else if (this.#points.size === 2 && this.#mode === 'resting') {
      clearTimeout(this.#timer);
      this.#mode = 'scrolling';
      this.#rest = { dx: 0, dy: 0 };
    }
  }

  #longPress() {
    if (this.#mode !== 'resting') return;
    this.#click(this.#start, RIGHT);
    navigator.vibrate?.(10);
    this.#mode = 'done';
  }

  #move(event) {
    const before = this.#points.get(event.pointerId);
    if (!before) return;
    const at = { clientX: event.clientX, clientY: event.clientY };
    this.#points.set(event.pointerId, at);
    if (this.#mode === 'resting' && Math.hypot(at.clientX - this.#start.clientX, at.clientY - this.#start.clientY) > SLOP) {
      clearTimeout(this.#timer);
      this.#pointer(this.#start, 0);
      this.#pointer(this.#start, LEFT);
      this.#mode = 'dragging';
    }
    if (this.#mode === 'dragging') this.#pointer(at, LEFT);
    if (this.#mode === 'scrolling') this.#scroll(before, at);
  }

  // Content follows the fingers. Each of the two moves the content by half.
  #scroll(before, at) {
    this.#rest.dx += ((before.clientX - at.clientX) * SCROLL_PER_PIXEL) / 2;
    this.#rest.dy += ((before.clientY - at.clientY) * SCROLL_PER_PIXEL) / 2;
    const dx = Math.trunc(this.#rest.dx);
    const dy = Math.trunc(this.#rest.dy);
    if (dx === 0 && dy === 0) return;
    this.#rest.dx -= dx;
    this.#rest.dy -= dy;
    this.#send({ type: 'wheel', ...this.#place(this.#start.clientX, this.#start.clientY), dx, dy });
  }

  #up(event) {
    const at = { clientX: event.clientX, clientY: event.clientY };
    if (this.#mode === 'dragging') this.#pointer(at, 0);
    if (this.#mode === 'resting') this.#click(this.#start, LEFT);
    this.#left(event);
  }

  #cancel(event) {
    if (this.#mode === 'dragging') this.#pointer(event, 0);
    this.#left(event);
  }

  #left(event) {
    clearTimeout(this.#timer);
    this.#points.delete(event.pointerId);
    this.#mode = this.#points.size === 0 ? 'idle' : 'done';
  }
}
