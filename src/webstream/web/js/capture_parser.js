// SPDX-License-Identifier: GPL-3.0-or-later
// The binary messages of /capture (docs/protocol/capture.md). Pure: bytes in, plain objects out, nothing of a browser
// is used, so that node can test it. What does not follow the protocol throws a ProtocolError; nothing is repaired.

export class ProtocolError extends Error {
  constructor(message) {
    super(message);
    this.name = 'ProtocolError';
  }
}

export const VERSION = 1;
export const HEADER_LENGTH = 24;
const RECORD_HEAD_LENGTH = 8;
const KIND_UPDATE = 1;
const FLAG_FULL = 1;
const MAX_SIDE = 16384;
const MAX_SCREEN_PIXELS = 7680 * 4320;
const MAX_CURSOR_SIDE = 1024;
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const PNG_MIN_LENGTH = 45; // signature, IHDR and the head of one more chunk
const PNG_RGB = 2;
const PNG_PALETTE = 3;

function need(condition, message) {
  if (!condition) throw new ProtocolError(message);
}

// The size in the PNG's own head has to be the announced one before any decoder sees the file: a small message must
// not be able to unpack to something huge.
function checkPng(bytes, w, h, colourTypes) {
  need(bytes.length >= PNG_MIN_LENGTH, 'PNG too short');
  need(PNG_SIGNATURE.every((value, i) => bytes[i] === value), 'not a PNG');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  need(view.getUint32(8) === 13 && view.getUint32(12) === 0x49484452, 'PNG does not start with IHDR');
  need(view.getUint32(16) === w && view.getUint32(20) === h, 'PNG has another size than its region');
  if (colourTypes) {
    need(bytes[24] === 8 || bytes[25] === PNG_PALETTE, 'PNG is not of 8 bits');
    need(colourTypes.includes(bytes[25]), 'PNG has a colour type that regions do not use');
  }
}

function readRect(body, screen) {
  const rect = {
    x: body.getUint16(0, true),
    y: body.getUint16(2, true),
    w: body.getUint16(4, true),
    h: body.getUint16(6, true),
  };
  need(rect.w > 0 && rect.h > 0, 'empty region');
  need(rect.x + rect.w <= screen.w && rect.y + rect.h <= screen.h, 'region outside the screen');
  return rect;
}

function bytesFrom(body, offset) {
  return new Uint8Array(body.buffer, body.byteOffset + offset, body.byteLength - offset);
}

const readers = {
  1: function png(body, screen) {
    need(body.byteLength > 16, 'PNG record too short');
    const rect = readRect(body, screen);
    const data = bytesFrom(body, 16);
    checkPng(data, rect.w, rect.h, [PNG_RGB, PNG_PALETTE]);
    return { type: 'png', ...rect, hash: body.getBigUint64(8, true), data };
  },
  2: function cached(body, screen) {
    need(body.byteLength === 16, 'cached region of the wrong length');
    return { type: 'cached', ...readRect(body, screen), hash: body.getBigUint64(8, true) };
  },
  3: function copy(body, screen) {
    need(body.byteLength === 12, 'copy of the wrong length');
    const rect = readRect(body, screen);
    const fromX = body.getUint16(8, true);
    const fromY = body.getUint16(10, true);
    need(fromX + rect.w <= screen.w && fromY + rect.h <= screen.h, 'copy from outside the screen');
    return { type: 'copy', ...rect, fromX, fromY };
  },
  4: function fill(body, screen) {
    need(body.byteLength === 12, 'fill of the wrong length');
    const rect = readRect(body, screen);
    return { type: 'fill', ...rect, red: body.getUint8(8), green: body.getUint8(9), blue: body.getUint8(10) };
  },
  5: function cursor(body) {
    need(body.byteLength >= 8, 'cursor record too short');
    const w = body.getUint16(0, true);
    const h = body.getUint16(2, true);
    if (w === 0 && h === 0) return { type: 'cursor', w, h, hotX: 0, hotY: 0, data: null };
    need(w > 0 && h > 0 && w <= MAX_CURSOR_SIDE && h <= MAX_CURSOR_SIDE, 'cursor of an absurd size');
    const hotX = body.getUint16(4, true);
    const hotY = body.getUint16(6, true);
    need(hotX <= w && hotY <= h, 'hot spot outside the cursor');
    const data = bytesFrom(body, 8);
    checkPng(data, w, h, null);
    return { type: 'cursor', w, h, hotX, hotY, data };
  },
  6: function pointer(body) {
    need(body.byteLength === 4, 'cursor position of the wrong length');
    return { type: 'pointer', x: body.getUint16(0, true), y: body.getUint16(2, true) };
  },
  7: function screenSize(body, screen) {
    need(body.byteLength === 4, 'screen size of the wrong length');
    const w = body.getUint16(0, true);
    const h = body.getUint16(2, true);
    need(w > 0 && h > 0 && w <= MAX_SIDE && h <= MAX_SIDE && w * h <= MAX_SCREEN_PIXELS, 'absurd screen size');
    screen.w = w;
    screen.h = h;
    return { type: 'screen', w, h };
  },
};

// One connection's worth of updates: remembers the screen size and the sequence between messages.
export class UpdateParser {
  constructor() {
    this.screen = { w: 0, h: 0 };
    this.sequence = 0;
  }

  // {sequence, full, captureTime, records} or null for a message of a kind that this version does not know.
  parse(buffer) {
    need(buffer.byteLength >= HEADER_LENGTH, 'message shorter than its header');
    const view = new DataView(buffer);
    need(view.getUint8(0) === VERSION, 'unknown version');
    if (view.getUint8(1) !== KIND_UPDATE) return null;
    const full = (view.getUint16(2, true) & FLAG_FULL) !== 0;
    const sequence = view.getUint32(4, true);
    const expected = this.sequence === 0xffffffff ? 1 : this.sequence + 1;
    need(sequence === expected, 'sequence number out of order');
    need(view.getUint32(20, true) === buffer.byteLength - HEADER_LENGTH, 'length does not match the message');
    this.sequence = sequence;
    const captureTime = Number(view.getBigUint64(8, true));
    // Only screen 0 exists so far; pictures of others are acknowledged and not shown.
    const records = view.getUint16(16, true) === 0 ? this.#records(buffer, view.getUint16(18, true), full) : [];
    return { sequence, full, captureTime, records };
  }

  #records(buffer, count, full) {
    const view = new DataView(buffer);
    const records = [];
    let offset = HEADER_LENGTH;
    for (let i = 0; i < count; i++) {
      need(offset + RECORD_HEAD_LENGTH <= buffer.byteLength, 'record outside the message');
      const type = view.getUint8(offset);
      const length = view.getUint32(offset + 4, true);
      offset += RECORD_HEAD_LENGTH;
      need(length <= buffer.byteLength - offset, 'record longer than the message');
      if (i === 0 && full) need(type === 7, 'full picture without a screen size');
      const read = readers[type];
      if (read) records.push(read(new DataView(buffer, offset, length), this.screen));
      offset += length;
    }
    need(offset === buffer.byteLength, 'bytes after the last record');
    need(!full || count > 0, 'full picture without a screen size');
    return records;
  }
}

function message(type, length) {
  const view = new DataView(new ArrayBuffer(length));
  view.setUint8(0, VERSION);
  view.setUint8(1, type);
  return view;
}

export function encodeAcknowledge(sequence, decodeMicroseconds) {
  const view = message(1, 12);
  view.setUint32(4, sequence, true);
  view.setUint32(8, Math.min(Math.max(Math.round(decodeMicroseconds), 0), 0xffffffff), true);
  return view.buffer;
}

export function encodeRefresh() {
  return message(2, 4).buffer;
}

export function encodeMiss({ x, y, w, h, hash }) {
  const view = message(3, 20);
  [x, y, w, h].forEach((value, i) => view.setUint16(4 + 2 * i, value, true));
  view.setBigUint64(12, hash, true);
  return view.buffer;
}

export function encodeHidden(hidden) {
  const view = message(4, 8);
  view.setUint8(4, hidden ? 1 : 0);
  return view.buffer;
}
