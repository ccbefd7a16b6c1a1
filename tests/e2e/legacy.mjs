// SPDX-License-Identifier: GPL-3.0-or-later
// From the legacy form to the browser client: a portal's page, the session, its suspension, an invitation.
import assert from 'node:assert/strict';
import {
  DESK, PHONE, comparePixels, complaints, finish, newPage, page, picture, screenIs, session, show, slots, step, terminalReady, terminalWindows,
  typeCommand, until, view, withDisplay,
} from './harness.mjs';

const { ISTHMUS_LEGACY, ISTHMUS_USER, ISTHMUS_PASSWORD } = process.env;
const form = new URL('index.php', ISTHMUS_LEGACY).href;
let owner;
let applicationServer;
let link;

async function submit() {
  await page.fill('input[name="login"]', ISTHMUS_USER);
  await page.fill('input[name="password"]', ISTHMUS_PASSWORD);
  await page.click('button[type="submit"]');
}

await newPage({ viewport: DESK });
owner = page;

await step('the form of the Session Manager opens', async () => {
  await page.goto(form);
  await picture('legacy-form');
});

await step('it leads to the session in the browser client', async () => {
  page.on('request', (request) => {
    if (request.url().includes('/applicationserver/index.php')) applicationServer = new URL('.', request.url()).href;
  });
  await submit();
  await session('active');
  assert.equal(new URL(page.url()).protocol, 'https:');
  assert.match(new URL(page.url()).hash, /^#session=[0-9a-f]{32}$/);
  await screenIs(DESK.width, DESK.height);
  await comparePixels();
});

await step('a reload comes back', async () => {
  await page.reload();
  await session('active');
  await withDisplay((display) => until('a terminal window', async () => {
    if ((await terminalWindows(display, DESK)).length > 0) return true;
    await page.keyboard.press('Control+Alt+t');
    return until('the window', async () => (await terminalWindows(display, DESK)).length > 0, 4000).catch(() => false);
  }));
  await terminalReady();
  await typeCommand('echo kept > kept', 'kept', 'kept\n');
});

await step('a second start is refused', async () => {
  await newPage({ viewport: DESK });
  await page.goto(form);
  await submit();
  await page.waitForSelector('.msg_error');
  assert.equal(await page.textContent('.msg_error'), 'You already have an active session');
  await picture('legacy-refused');
  await page.context().close();
});

await step('suspended from outside, it waits for the person', async () => {
  await show(owner);
  const answer = await page.context().request.get(new URL('suspend.php', applicationServer).href);
  assert.equal(answer.status(), 200);
  await session('ended');
  await page.waitForSelector('#overlay[data-kind="notice"]');
  assert.match(await page.textContent('#overlay-title'), /is suspended/);
  await picture('suspended');
  await page.setViewportSize(PHONE);
  await picture('phone-suspended');
  await page.setViewportSize(DESK);
  assert.equal(slots().length, 1);
  await page.click('#overlay-actions .primary');
  await session('active');
  await typeCommand('cat kept > resumed', 'resumed', 'kept\n');
  await comparePixels();
});

await step('the form resumes it, too', async () => {
  await newPage({ viewport: DESK });
  const other = page;
  await show(owner);
  // The cookie of the Application Server is used up by the suspension; the page has a login of its own.
  await page.goto(form);
  await until('the owner to be gone', async () => {
    await show(other);
    await page.goto(form);
    await submit();
    return page.waitForSelector('html[data-session="active"]', { timeout: 2000 }).then(() => true, () => false);
  });
  owner = other;
  await typeCommand('cat kept > again', 'again', 'kept\n');
});

await step('an invitation leads a guest into it', async () => {
  await page.mouse.move(640, 3);
  await page.click('#tool-invite');
  await page.click('#invite-create');
  await page.waitForSelector('#invite-result:not([hidden])');
  link = await page.inputValue('#invite-link');
  await page.click('#invite-done');
  await newPage({ viewport: { width: 1024, height: 640 } });
  await page.goto(link);
  await session('active');
  assert.equal(await page.textContent('#guest-role'), 'You are watching');
  await comparePixels();
  const guest = page;
  await newPage({ viewport: DESK });
  await page.goto(link);
  await until('a page that says no', async () => /invalid|used|not/i.test(await page.textContent('body')));
  await picture('legacy-link-used');
  await page.context().close();
  await show(guest);
});

await step('logging out of it ends it', async () => {
  await show(owner);
  await page.mouse.move(640, 3);
  await page.click('#tool-end');
  await page.click('#end-dialog button[value="end"]');
  await view('picker');
  await until('nothing left of the session', () => slots().length === 0);
});

await step('the page had nothing to complain about', async () => {
  assert.deepEqual(complaints, []);
});

await finish();
