// SPDX-License-Identifier: GPL-3.0-or-later
// A printed document is announced once, whatever the other side sends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Announced, sizeText } from '../../src/webstream/web/js/print.js';

test('a document is announced once', () => {
  const announced = new Announced();
  const message = { type: 'print', title: 'My-doc.pdf', time: 1795230325, bytes: 1234 };
  assert.deepEqual(announced.read(message), { title: 'My-doc.pdf', time: 1795230325, bytes: 1234 });
  assert.equal(announced.read(message), null);
  assert.equal(announced.read({ ...message, title: 'other.pdf' }), null);
  assert.notEqual(announced.read({ ...message, time: 1795230326 }), null);
});

test('what is no announcement is ignored', () => {
  const announced = new Announced();
  const message = { title: 'a.pdf', time: 1, bytes: 2 };
  for (const wrong of [{ title: 5 }, { title: '' }, { time: '1/../x' }, { time: -1 }, { time: 1.5 }, { bytes: '2' }, { bytes: -2 }, { time: undefined }]) {
    assert.equal(announced.read({ ...message, ...wrong }), null);
  }
  assert.notEqual(announced.read(message), null);
});

test('sizes for people', () => {
  assert.equal(sizeText(0), '0 bytes');
  assert.equal(sizeText(999), '999 bytes');
  assert.equal(sizeText(1000), '1 kB');
  assert.equal(sizeText(999499), '999 kB');
  assert.equal(sizeText(999500), '1.0 MB');
  assert.equal(sizeText(12345678), '12.3 MB');
});
