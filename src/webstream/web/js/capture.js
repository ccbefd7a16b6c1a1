// SPDX-License-Identifier: GPL-3.0-or-later
// The page's end of the capture engine: the same few verbs whether it runs in a worker or, where the browser cannot
// hand a canvas to one, right here.

import { CaptureEngine } from './capture_engine.js';

class WorkerCapture {
  #worker;

  constructor(canvas, emit) {
    this.#worker = new Worker(new URL('./capture_worker.js', import.meta.url), { type: 'module' });
    this.#worker.onmessage = (event) => emit(event.data);
    this.#worker.onerror = () => emit({ type: 'failure', message: 'the decoder could not be started' });
    const offscreen = canvas.transferControlToOffscreen();
    this.#worker.postMessage({ command: 'start', canvas: offscreen }, [offscreen]);
  }

  open(url, protocols, connection) {
    this.#worker.postMessage({ command: 'open', url, protocols, connection });
  }

  close() {
    this.#worker.postMessage({ command: 'close' });
  }

  setHidden(hidden) {
    this.#worker.postMessage({ command: 'hidden', hidden });
  }

  refresh() {
    this.#worker.postMessage({ command: 'refresh' });
  }

  // The engine closes its socket first; a worker that is ended at once would drop the connection without a word.
  destroy() {
    this.close();
    setTimeout(() => this.#worker.terminate(), 1000);
  }
}

class PageCapture extends CaptureEngine {
  destroy() {
    this.close();
  }
}

export function createCapture(canvas, emit) {
  const offscreen = typeof canvas.transferControlToOffscreen === 'function' && typeof Worker === 'function';
  return offscreen ? new WorkerCapture(canvas, emit) : new PageCapture(canvas, emit);
}
