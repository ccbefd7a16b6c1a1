// SPDX-License-Identifier: GPL-3.0-or-later
// The cache keeps the same account as the streamer's, byte for byte, and lets no bitmap leak.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CACHE_BYTES, RegionCache } from '../../src/webstream/web/js/region_cache.js';

function bitmap() {
  return { closed: 0, close() { this.closed += 1; } };
}

test('the least recently used region goes first, and a reference counts as a use', () => {
  const cache = new RegionCache(3 * 400);
  const [a, b, c, d] = [bitmap(), bitmap(), bitmap(), bitmap()];
  cache.store(1n, 10, 10, a);
  cache.store(2n, 10, 10, b);
  cache.store(3n, 10, 10, c);
  assert.equal(cache.use(1n, 10, 10), a);
  cache.store(4n, 10, 10, d);
  assert.equal(cache.use(2n, 10, 10), null);
  assert.equal(b.closed, 1);
  assert.deepEqual([1n, 3n, 4n].map((hash) => cache.use(hash, 10, 10)), [a, c, d]);
  assert.equal(cache.bytes, 1200);
});

test('a hash with another size is a miss', () => {
  const cache = new RegionCache();
  cache.store(1n, 10, 10, bitmap());
  assert.equal(cache.use(1n, 10, 11), null);
  assert.equal(cache.use(1n, 5, 20), null);
});

test('storing a hash again replaces it', () => {
  const cache = new RegionCache();
  const [old, fresh] = [bitmap(), bitmap()];
  cache.store(1n, 10, 10, old);
  cache.store(1n, 20, 10, fresh);
  assert.equal(old.closed, 1);
  assert.equal(cache.bytes, 800);
  assert.equal(cache.use(1n, 20, 10), fresh);
});

test('exactly the agreed number of bytes stays', () => {
  const cache = new RegionCache();
  const kept = bitmap();
  cache.store(1n, 2048, 4096, kept);
  assert.equal(cache.bytes, CACHE_BYTES);
  assert.equal(cache.use(1n, 2048, 4096), kept);
  cache.store(2n, 1, 1, bitmap());
  assert.equal(kept.closed, 1);
  assert.equal(cache.bytes, 4);
});

test('clearing closes everything', () => {
  const cache = new RegionCache();
  const all = [bitmap(), bitmap()];
  all.forEach((one, i) => cache.store(BigInt(i + 1), 8, 8, one));
  cache.clear();
  assert.deepEqual(all.map((one) => one.closed), [1, 1]);
  assert.equal(cache.bytes, 0);
});
