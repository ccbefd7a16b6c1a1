// SPDX-License-Identifier: GPL-3.0-or-later
// The /capture connection and the picture: reads updates, decodes, draws in order, acknowledges. Runs in a worker on an
// OffscreenCanvas, or in the page when the browser has none; so it uses nothing that only one of the two has.
// emit(event) reports: {type: open | picture | screen | cursor | pointer | stats | close | failure, …}.

import { UpdateParser, ProtocolError, encodeAcknowledge, encodeRefresh, encodeMiss, encodeHidden } from './capture_parser.js';
import { RegionCache } from './region_cache.js';

// A browser's WebSocket may not send 1002, so a broken protocol is told with a code of the private range.
const CLOSE_PROTOCOL = 4400;
// No conversion and no premultiplication: the pixels on the canvas are to be those of the session, bit by bit.
const BITMAP_OPTIONS = { colorSpaceConversion: 'none', premultiplyAlpha: 'none' };

export class CaptureEngine {
  #canvas;
  #context;
  #emit;
  #connection = 0;
  #socket = null;
  #parser = null;
  #cache = new RegionCache();
  #queue = Promise.resolve();
  #hidden = false;
  #stats = { frames: 0, bytes: 0, decode: 0 };
  #statsTimer = 0;

  constructor(canvas, emit) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { alpha: false });
    this.#emit = (event) => emit({ ...event, connection: this.#connection });
  }

  // connection is a number of the caller's that comes back with every event of this socket.
  open(url, protocols, connection) {
    this.close();
    this.#connection = connection;
    const socket = new WebSocket(url, protocols);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#parser = new UpdateParser();
    this.#cache.clear();
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      if (this.#hidden) socket.send(encodeHidden(true));
      this.#emit({ type: 'open' });
    };
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      this.#forget();
      this.#emit({ type: 'close', code: event.code, reason: event.reason });
    };
    this.#statsTimer = setInterval(() => this.#report(), 1000);
  }

  close() {
    const socket = this.#socket;
    this.#forget();
    socket?.close(1000);
  }

  setHidden(hidden) {
    if (this.#hidden === hidden) return;
    this.#hidden = hidden;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(encodeHidden(hidden));
  }

  refresh() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(encodeRefresh());
  }

  #forget() {
    this.#socket = null;
    clearInterval(this.#statsTimer);
  }

  #report() {
    this.#emit({ type: 'stats', ...this.#stats });
    this.#stats = { frames: 0, bytes: 0, decode: 0 };
  }

  #fail(socket, error) {
    if (this.#socket !== socket) return;
    this.#forget();
    socket.close(CLOSE_PROTOCOL, 'protocol');
    this.#emit({ type: 'failure', message: error.message });
  }

  #receive(socket, data) {
    if (this.#socket !== socket || typeof data === 'string') return;
    const arrived = performance.now();
    let update;
    try {
      update = this.#parser.parse(data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(socket, error);
      return;
    }
    if (!update) return;
    this.#stats.bytes += data.byteLength;
    // All regions decode side by side at once; the drawing waits for its turn.
    const bitmaps = Promise.all(update.records.map((record) => this.#decode(record)));
    bitmaps.catch(() => {}); // reported where it is awaited
    this.#queue = this.#queue.then(async () => {
      const decoded = await bitmaps;
      if (this.#socket !== socket) return;
      update.records.forEach((record, i) => this.#draw(socket, record, decoded[i]));
      this.#finish(socket, update, arrived);
    }).catch((error) => this.#fail(socket, error));
  }

  #decode(record) {
    if (record.type !== 'png') return null;
    return createImageBitmap(new Blob([record.data], { type: 'image/png' }), BITMAP_OPTIONS);
  }

  #finish(socket, update, arrived) {
    const took = performance.now() - arrived;
    if (socket.readyState === WebSocket.OPEN) socket.send(encodeAcknowledge(update.sequence, took * 1000));
    this.#stats.frames += 1;
    this.#stats.decode += took;
    if (update.full) this.#emit({ type: 'picture' });
  }

  #draw(socket, record, bitmap) {
    const { x, y, w, h } = record;
    switch (record.type) {
      case 'png':
        this.#context.drawImage(bitmap, x, y);
        if (record.hash !== 0n) this.#cache.store(record.hash, w, h, bitmap);
        else bitmap.close();
        break;
      case 'cached': {
        const kept = this.#cache.use(record.hash, w, h);
        if (kept) this.#context.drawImage(kept, x, y);
        else socket.send(encodeMiss(record));
        break;
      }
      case 'copy':
        // Drawing a canvas onto itself takes a snapshot first, so an overlap is safe.
        this.#context.drawImage(this.#canvas, record.fromX, record.fromY, w, h, x, y, w, h);
        break;
      case 'fill':
        this.#context.fillStyle = `rgb(${record.red} ${record.green} ${record.blue})`;
        this.#context.fillRect(x, y, w, h);
        break;
      case 'screen':
        this.#canvas.width = w; // clears to black, the context has no alpha
        this.#canvas.height = h;
        this.#context.imageSmoothingEnabled = false;
        this.#emit({ type: 'screen', width: w, height: h });
        break;
      case 'cursor':
        // A copy: what goes to the page takes its whole buffer along, and this one is the update's.
        this.#emit({ ...record, data: record.data?.slice() ?? null });
        break;
      default:
        this.#emit(record);
    }
  }
}
