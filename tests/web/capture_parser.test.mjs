// SPDX-License-Identifier: GPL-3.0-or-later
// docs/protocol/capture.md, read by the browser's parser: what it accepts, and that it accepts nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ProtocolError, UpdateParser, encodeAcknowledge, encodeHidden, encodeMiss, encodeRefresh,
} from '../../src/webstream/web/js/capture_parser.js';

function u16(...values) {
  const buffer = Buffer.alloc(values.length * 2);
  values.forEach((value, i) => buffer.writeUInt16LE(value, i * 2));
  return buffer;
}

function u64(value) {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(value);
  return buffer;
}

// Only the head of a PNG: the parser never looks further.
function png(w, h, colourType = 2, depth = 8) {
  const buffer = Buffer.alloc(64);
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]).copy(buffer);
  buffer.writeUInt32BE(13, 8);
  buffer.write('IHDR', 12);
  buffer.writeUInt32BE(w, 16);
  buffer.writeUInt32BE(h, 20);
  buffer[24] = depth;
  buffer[25] = colourType;
  return buffer;
}

function record(type, body, length = body.length) {
  const head = Buffer.alloc(8);
  head[0] = type;
  head.writeUInt32LE(length, 4);
  return Buffer.concat([head, body]);
}

const screen = (w, h) => record(7, u16(w, h));

function update(sequence, records, { full = false, version = 1, kind = 1, screenId = 0, count, length } = {}) {
  const body = Buffer.concat(records);
  const head = Buffer.alloc(24);
  head[0] = version;
  head[1] = kind;
  head.writeUInt16LE(full ? 1 : 0, 2);
  head.writeUInt32LE(sequence, 4);
  head.writeBigUInt64LE(123456789n, 8);
  head.writeUInt16LE(screenId, 16);
  head.writeUInt16LE(count ?? records.length, 18);
  head.writeUInt32LE(length ?? body.length, 20);
  return new Uint8Array(Buffer.concat([head, body])).buffer;
}

// A parser that already knows a screen of 100 x 80; the next sequence number is 2.
function ready() {
  const parser = new UpdateParser();
  parser.parse(update(1, [screen(100, 80)], { full: true }));
  return parser;
}

function refused(records, options) {
  assert.throws(() => ready().parse(update(2, records, options)), ProtocolError);
}

test('a full picture with every kind of record', () => {
  const parser = new UpdateParser();
  const result = parser.parse(update(1, [
    screen(100, 80),
    record(1, Buffer.concat([u16(0, 0, 100, 80), u64(0xfedcba9876543210n), png(100, 80)])),
    record(2, Buffer.concat([u16(10, 20, 30, 40), u64(7n)])),
    record(3, u16(1, 2, 3, 4, 5, 6)),
    record(4, Buffer.concat([u16(99, 79, 1, 1), Buffer.from([1, 2, 3, 0])])),
    record(5, Buffer.concat([u16(16, 24, 3, 4), png(16, 24, 6)])),
    record(6, u16(50, 60)),
  ], { full: true }));
  assert.equal(result.sequence, 1);
  assert.equal(result.full, true);
  assert.equal(result.captureTime, 123456789);
  const [size, region, cached, copy, fill, cursor, pointer] = result.records;
  assert.deepEqual(size, { type: 'screen', w: 100, h: 80 });
  assert.equal(region.hash, 0xfedcba9876543210n);
  assert.equal(region.data.length, 64);
  assert.equal(region.data[1], 0x50);
  assert.deepEqual(cached, { type: 'cached', x: 10, y: 20, w: 30, h: 40, hash: 7n });
  assert.deepEqual(copy, { type: 'copy', x: 1, y: 2, w: 3, h: 4, fromX: 5, fromY: 6 });
  assert.deepEqual(fill, { type: 'fill', x: 99, y: 79, w: 1, h: 1, red: 1, green: 2, blue: 3 });
  assert.deepEqual([cursor.w, cursor.h, cursor.hotX, cursor.hotY, cursor.data.length], [16, 24, 3, 4, 64]);
  assert.deepEqual(pointer, { type: 'pointer', x: 50, y: 60 });
});

test('a hidden cursor has no picture', () => {
  const { records } = ready().parse(update(2, [record(5, u16(0, 0, 0, 0))]));
  assert.deepEqual(records, [{ type: 'cursor', w: 0, h: 0, hotX: 0, hotY: 0, data: null }]);
});

test('unknown record types are skipped by their length, unknown kinds as a whole', () => {
  const parser = ready();
  const { records } = parser.parse(update(2, [record(200, Buffer.alloc(33)), record(6, u16(1, 1))]));
  assert.deepEqual(records, [{ type: 'pointer', x: 1, y: 1 }]);
  assert.equal(parser.parse(update(900, [], { kind: 9 })), null);
  assert.equal(parser.parse(update(3, [])).sequence, 3);
});

test('an update without records, and one for another screen, are only acknowledged', () => {
  const parser = ready();
  assert.deepEqual(parser.parse(update(2, [])).records, []);
  assert.deepEqual(parser.parse(update(3, [record(6, u16(1, 1))], { screenId: 1 })).records, []);
});

test('sequence numbers go up by one and wrap to 1', () => {
  for (const wrong of [1, 3, 0]) assert.throws(() => ready().parse(update(wrong, [])), ProtocolError);
  assert.throws(() => new UpdateParser().parse(update(0, [])), ProtocolError);
  const parser = ready();
  parser.sequence = 0xffffffff;
  assert.equal(parser.parse(update(1, [])).sequence, 1);
});

test('heads that lie are refused', () => {
  assert.throws(() => ready().parse(new ArrayBuffer(0)), ProtocolError);
  assert.throws(() => ready().parse(new ArrayBuffer(23)), ProtocolError);
  refused([], { version: 2 });
  refused([record(6, u16(1, 1))], { length: 11 });
  refused([record(6, u16(1, 1))], { count: 2 });
  refused([record(6, u16(1, 1))], { count: 0 });
  refused([record(6, u16(1, 1), 5)]);
  refused([record(6, u16(1, 1), 0xffffffff)]);
  refused([Buffer.alloc(7)], { count: 1 });
});

test('a full picture starts with its size', () => {
  refused([], { full: true });
  refused([record(6, u16(1, 1)), screen(10, 10)], { full: true });
});

test('regions outside the screen are refused', () => {
  const fill = (...rect) => record(4, Buffer.concat([u16(...rect), Buffer.alloc(4)]));
  refused([fill(100, 0, 1, 1)]);
  refused([fill(0, 80, 1, 1)]);
  refused([fill(99, 0, 2, 1)]);
  refused([fill(65535, 65535, 65535, 65535)]);
  refused([fill(0, 0, 0, 1)]);
  refused([fill(0, 0, 1, 0)]);
  refused([record(3, u16(0, 0, 10, 10, 91, 0))]);
  refused([record(3, u16(0, 0, 10, 10, 0, 71))]);
  refused([record(2, Buffer.concat([u16(50, 50, 51, 1), u64(1n)]))]);
  // Before the first screen size there is no screen at all.
  assert.throws(() => new UpdateParser().parse(update(1, [fill(0, 0, 1, 1)])), ProtocolError);
});

test('a smaller screen holds for the records that follow it', () => {
  const fill = record(4, Buffer.concat([u16(60, 0, 1, 1), Buffer.alloc(4)]));
  refused([screen(50, 50), fill], { full: true });
  const parser = ready();
  parser.parse(update(2, [screen(200, 80), record(4, Buffer.concat([u16(150, 0, 1, 1), Buffer.alloc(4)]))], { full: true }));
  assert.deepEqual(parser.screen, { w: 200, h: 80 });
});

test('a PNG that is not what its record says never reaches a decoder', () => {
  const region = (data) => record(1, Buffer.concat([u16(0, 0, 10, 10), u64(0n), data]));
  const broken = png(10, 10);
  broken[0] = 0;
  const noHeader = png(10, 10);
  noHeader.write('IDAT', 12);
  refused([region(broken)]);
  refused([region(noHeader)]);
  refused([region(png(10, 11))]);
  refused([region(png(60000, 60000))]);
  refused([region(png(10, 10, 6))]);
  refused([region(png(10, 10, 2, 16))]);
  refused([region(png(10, 10).subarray(0, 30))]);
  refused([region(Buffer.alloc(0))]);
  assert.equal(ready().parse(update(2, [region(png(10, 10, 3, 4))])).records.length, 1);
});

test('absurd cursors and screens are refused', () => {
  refused([record(5, Buffer.concat([u16(4000, 4000, 0, 0), png(4000, 4000, 6)]))]);
  refused([record(5, Buffer.concat([u16(16, 0, 0, 0), png(16, 16, 6)]))]);
  refused([record(5, Buffer.concat([u16(16, 16, 17, 0), png(16, 16, 6)]))]);
  refused([record(5, Buffer.concat([u16(16, 16, 0, 0), png(16, 17, 6)]))]);
  refused([record(5, u16(0, 0))]);
  refused([screen(0, 10)], { full: true });
  refused([screen(65535, 65535)], { full: true });
  refused([screen(16384, 16384)], { full: true });
});

test('bodies of the wrong length are refused', () => {
  refused([record(2, Buffer.alloc(15))]);
  refused([record(3, Buffer.alloc(11))]);
  refused([record(4, Buffer.alloc(13))]);
  refused([record(6, Buffer.alloc(3))]);
  refused([record(7, Buffer.alloc(5))]);
  refused([record(1, Buffer.alloc(16))]);
});

test('noise is refused or understood, never anything else', () => {
  let state = 12345;
  const random = (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state % limit;
  };
  const good = new Uint8Array(update(2, [
    record(1, Buffer.concat([u16(0, 0, 10, 10), u64(1n), png(10, 10)])),
    record(4, Buffer.concat([u16(0, 0, 10, 10), Buffer.alloc(4)])),
    record(5, Buffer.concat([u16(8, 8, 0, 0), png(8, 8, 6)])),
  ]));
  for (let i = 0; i < 20000; i++) {
    const bytes = good.slice(0, random(4) ? good.length : random(good.length));
    for (let flips = random(6); flips >= 0; flips--) bytes[random(bytes.length || 1)] = random(256);
    try {
      ready().parse(bytes.buffer);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
});

test('messages to the streamer', () => {
  const hex = (buffer) => Buffer.from(buffer).toString('hex');
  assert.equal(hex(encodeAcknowledge(0x01020304, 1500.4)), '0101000004030201dc050000');
  assert.equal(hex(encodeAcknowledge(1, 1e12)), '0101000001000000ffffffff');
  assert.equal(hex(encodeRefresh()), '01020000');
  assert.equal(hex(encodeMiss({ x: 1, y: 2, w: 3, h: 4, hash: 0x0102030405060708n })), '0103000001000200030004000807060504030201');
  assert.equal(hex(encodeHidden(true)), '0104000001000000');
  assert.equal(hex(encodeHidden(false)), '0104000000000000');
});
