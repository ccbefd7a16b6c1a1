// SPDX-License-Identifier: GPL-3.0-or-later
// Every refusal becomes a sentence, and waits grow as promised.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delayAfter } from '../../src/webstream/web/js/backoff.js';
import { endingText, errorText } from '../../src/webstream/web/js/messages.js';

test('known codes say what to do', () => {
  assert.match(errorText({ status: 503, code: 'pool_exhausted' }), /seats are taken/);
  assert.match(errorText({ status: 502, code: 'host_unreachable' }), /does not answer/);
  assert.match(errorText({ status: 0, code: 'network' }), /network connection/);
  assert.match(errorText('gave_up'), /could not be restored/);
  assert.match(errorText({ status: 401, code: 'code_invalid' }), /used or is too old.*new invitation/);
  assert.match(errorText({ status: 429, code: 'too_many_invitations' }), /many invitations/);
});

test('a throttled login names the wait', () => {
  assert.match(errorText({ status: 429, code: 'throttled', waitSeconds: 1 }), /in 1 second\./);
  assert.match(errorText({ status: 429, code: 'throttled', waitSeconds: 16 }), /in 16 seconds\./);
  assert.match(errorText({ status: 429, code: 'throttled', waitSeconds: 300 }), /in 5 minutes\./);
  assert.match(errorText({ status: 429, code: 'throttled', waitSeconds: 0 }), /in a moment\./);
});

test('unknown codes fall back on the status, then on the code itself', () => {
  assert.match(errorText({ status: 401, code: 'brand_new' }), /expired/);
  assert.match(errorText({ status: 410, code: 'brand_new' }), /ended/);
  assert.match(errorText({ status: 500, code: 'brand_new' }), /brand_new/);
  assert.equal(endingText('brand_new'), 'The session is over.');
  assert.match(endingText('exit'), /last window/);
});

test('names from Object.prototype are no codes', () => {
  assert.equal(typeof errorText({ status: 500, code: 'constructor' }), 'string');
  assert.equal(typeof endingText('toString'), 'string');
});

test('the wait doubles from half a second to ten, with jitter', () => {
  assert.equal(delayAfter(0, () => 0), 500);
  assert.equal(delayAfter(0, () => 1), 800);
  assert.equal(delayAfter(3, () => 1), 6400);
  assert.equal(delayAfter(3, () => 0), 3840);
  assert.equal(delayAfter(50, () => 1), 10000);
  for (let attempt = 0; attempt < 40; attempt++) {
    const delay = delayAfter(attempt);
    assert.ok(delay >= 500 && delay <= 10000);
  }
});
