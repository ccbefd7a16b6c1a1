// SPDX-License-Identifier: GPL-3.0-or-later
// What is a link, what the page remembers of it, and what an invitation says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf, isWorthRetrying, loginOf } from '../../src/webstream/web/js/entry.js';
import { lifeText, resultText } from '../../src/webstream/web/js/invite.js';

const CODE = '0123456789abcdef0123456789abcdef';

test('only a code of the right form is sent anywhere', () => {
  assert.equal(codeOf(`#code=${CODE}`), CODE);
  assert.equal(codeOf(''), null);
  assert.equal(codeOf('#session=1'), null);
  assert.equal(codeOf('#code='), '');
  assert.equal(codeOf(`#code=${CODE.toUpperCase()}`), '');
  assert.equal(codeOf(`#code=${CODE}0`), '');
  assert.equal(codeOf('#code=../iam'), '');
});

test('an owner is a login, a guest is not', () => {
  const user = { id: '1', username: 'alice', displayName: 'Alice' };
  assert.deepEqual(loginOf({ token: 't', role: 'owner', user, sessionId: 's', workspaceName: 'Desktop' }), { token: 't', user });
  const guest = loginOf({ token: 't', role: 'passive', sessionId: 's', displayName: 'x@y.z', ownerName: 'Alice', workspaceName: 'Desktop' });
  assert.deepEqual(guest, { token: 't', user: { displayName: 'x@y.z' }, guest: { sessionId: 's', role: 'passive', ownerName: 'Alice', name: 'Desktop' } });
  assert.equal(loginOf({ token: 't', role: 'active', displayName: '' }).user.displayName, 'Guest');
});

test('a code that was refused is not tried again', () => {
  assert.ok(isWorthRetrying({ status: 0 }));
  assert.ok(isWorthRetrying({ status: 429 }));
  assert.ok(isWorthRetrying({ status: 503 }));
  assert.ok(!isWorthRetrying({ status: 401 }));
  assert.ok(!isWorthRetrying({ status: 410 }));
});

test('an invitation says what it is good for', () => {
  assert.equal(lifeText(1800000), '30 minutes');
  assert.equal(lifeText(1000), 'one minute');
  assert.equal(lifeText(7200000), '2 hours');
  assert.match(resultText({ mode: 'passive', expiresMs: 1800000, mailed: false }), /^Send this link.*watch.*30 minutes/);
  assert.match(resultText({ mode: 'active', email: 'x@y.z', mailed: true, expiresMs: 60000 }), /sent to x@y\.z.*keyboard and mouse/);
  assert.match(resultText({ mode: 'active', email: 'x@y.z', mailed: false, expiresMs: 60000 }), /could not be mailed/);
});
