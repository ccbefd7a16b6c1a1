// SPDX-License-Identifier: GPL-3.0-or-later
// Decoded regions under their hash, the least recently used ones go first. The streamer keeps the same account
// (docs/protocol/capture.md): a region counts as used when it is stored and when it is referenced.

export const CACHE_BYTES = 33554432;

export class RegionCache {
  #limit;
  #entries = new Map(); // in the order of use: Map keeps insertion order
  #bytes = 0;

  constructor(limit = CACHE_BYTES) {
    this.#limit = limit;
  }

  get bytes() {
    return this.#bytes;
  }

  // Takes the bitmap over: it is closed when it leaves the cache.
  store(hash, w, h, bitmap) {
    this.#drop(hash);
    const bytes = w * h * 4;
    this.#entries.set(hash, { w, h, bitmap, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.#drop(oldest);
    }
  }

  // The bitmap, or null when it is not there in that size.
  use(hash, w, h) {
    const entry = this.#entries.get(hash);
    if (!entry || entry.w !== w || entry.h !== h) return null;
    this.#entries.delete(hash);
    this.#entries.set(hash, entry);
    return entry.bitmap;
  }

  clear() {
    for (const hash of [...this.#entries.keys()]) this.#drop(hash);
  }

  #drop(hash) {
    const entry = this.#entries.get(hash);
    if (!entry) return;
    this.#entries.delete(hash);
    this.#bytes -= entry.bytes;
    entry.bitmap.close();
  }
}
