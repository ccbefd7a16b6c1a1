// SPDX-License-Identifier: GPL-3.0-or-later
// The same pages and sockets below a URL prefix, as behind another server's reverse proxy.
import assert from 'node:assert/strict';
import {
  DESK, address, comparePixels, complaints, finish, login, newPage, page, screenIs, session, slots, step, terminalReady,
  typeCommand, until, view,
} from './harness.mjs';

await newPage({ viewport: DESK, colorScheme: 'dark' });

await step('login, session and pixels below a prefix', async () => {
  assert.notEqual(new URL(address).pathname, '/');
  await page.goto(address);
  await view('login');
  await login(process.env.ISTHMUS_PASSWORD);
  await page.click('.tile[data-name="Terminal"]');
  await session('active');
  await screenIs(DESK.width, DESK.height);
  await terminalReady();
  await typeCommand('echo below > prefix', 'prefix', 'below\n');
  await comparePixels();
  await page.reload();
  await session('active');
  await comparePixels();
});

await step('logging out of the shell ends it there too', async () => {
  await page.keyboard.press('Control+d');
  await session('ended');
  await until('nothing left of the session', () => slots().length === 0);
  assert.deepEqual(complaints, []);
});

await finish();
