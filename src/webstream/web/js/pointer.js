// SPDX-License-Identifier: GPL-3.0-or-later
// Mouse and pen to /control messages. Moves are gathered to one for each animation frame; buttons go at once, with the
// place they happened at, so the order stays true. Touch has its own file.

const NOTCH = 120;
const PER_PIXEL = NOTCH / 100; // browsers report about 100 pixels for a notch
const PER_LINE = NOTCH / 3;
const PER_PAGE = NOTCH * 3;
const MAX_WHEEL = 12000;

export class Pointer {
  #surface;
  #place;
  #send;
  #pending = null;
  #wheel = { x: 0, y: 0, dx: 0, dy: 0 };
  #frame = 0;

  // place(clientX, clientY) gives the session's {x, y}.
  constructor(surface, { place, send, onPress }) {
    this.#surface = surface;
    this.#place = place;
    this.#send = send;
    const mouse = (handler) => (event) => {
      if (event.pointerType === 'touch') return;
      event.preventDefault();
      handler(event);
    };
    surface.addEventListener('pointerdown', mouse((event) => {
      onPress(event);
      surface.setPointerCapture(event.pointerId);
      this.#now(event);
    }));
    surface.addEventListener('pointerup', mouse((event) => this.#now(event)));
    surface.addEventListener('pointermove', mouse((event) => this.#move(event)));
    surface.addEventListener('pointercancel', mouse((event) => this.#now({ ...this.#at(event), buttons: 0 })));
    surface.addEventListener('wheel', (event) => this.#scroll(event), { passive: false });
    for (const type of ['contextmenu', 'dragstart', 'selectstart', 'auxclick', 'mousedown']) {
      surface.addEventListener(type, (event) => event.preventDefault());
    }
  }

  #at(event) {
    return { clientX: event.clientX, clientY: event.clientY, buttons: event.buttons };
  }

  #message({ clientX, clientY, buttons }) {
    return { type: 'pointer', ...this.#place(clientX, clientY), buttons: buttons & 31 };
  }

  #now(event) {
    this.#pending = null;
    this.#send(this.#message(event));
  }

  #move(event) {
    const at = this.#at(event);
    // A second button while the first is held comes as a move with other buttons: that one must not be merged away.
    if (this.#pending && this.#pending.buttons !== at.buttons) this.#now(this.#pending);
    this.#pending = at;
    this.#schedule();
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#pending) this.#now(this.#pending);
      this.#flushWheel();
    });
  }

  #scroll(event) {
    event.preventDefault();
    const unit = [PER_PIXEL, PER_LINE, PER_PAGE][event.deltaMode] ?? PER_PIXEL;
    Object.assign(this.#wheel, this.#place(event.clientX, event.clientY));
    this.#wheel.dx += event.deltaX * unit;
    this.#wheel.dy += event.deltaY * unit;
    this.#schedule();
  }

  #flushWheel() {
    const clamp = (value) => Math.max(-MAX_WHEEL, Math.min(MAX_WHEEL, Math.trunc(value)));
    const dx = clamp(this.#wheel.dx);
    const dy = clamp(this.#wheel.dy);
    if (dx === 0 && dy === 0) return;
    this.#send({ type: 'wheel', x: this.#wheel.x, y: this.#wheel.y, dx, dy });
    this.#wheel.dx -= dx; // what is less than a unit waits for the next frame
    this.#wheel.dy -= dy;
  }
}
