// SPDX-License-Identifier: GPL-3.0-or-later
// Links that lead straight into a session: the owner's, and those of guests who watch or help.
import assert from 'node:assert/strict';
import {
  DESK, PHONE, address, askGateway, comparePixels, complaints, finish, login, newPage, page, picture, screenIs, session, show, slots, step,
  terminalReady, typeCommand, until, view,
} from './harness.mjs';

const { ISTHMUS_PASSWORD } = process.env;
let sessionId;
let owner;
const guests = {};

async function code(role, email) {
  const { code: made } = await askGateway('/gateway/ovd/code', { sessionId, role, email });
  return made;
}

const linkTo = (made) => `${address}#code=${made}`;

await newPage({ viewport: DESK });
owner = page;

await step('a session runs', async () => {
  await page.goto(address);
  await view('login');
  await login(ISTHMUS_PASSWORD);
  await page.click('.tile[data-name="Terminal"]');
  await session('active');
  sessionId = /#session=([0-9a-f]{32})/.exec(page.url())[1];
  await terminalReady();
  await page.keyboard.type("clear; echo 'Shared by two'; ls -la /\n");
  await comparePixels();
});

await step('a link of the owner leads into it, and is out of the address at once', async () => {
  const made = await code('owner');
  await newPage({ viewport: DESK });
  await page.goto(linkTo(made));
  await session('active');
  assert.equal(new URL(page.url()).hash, `#session=${sessionId}`);
  assert.ok(!(await page.evaluate(() => JSON.stringify([location.href, { ...sessionStorage }, { ...localStorage }]))).includes(made));
  await comparePixels();
  await page.reload();
  await session('active');
  await page.goBack();
  await page.waitForURL('about:blank');
  await page.goto(linkTo(made));
  await page.waitForSelector('#overlay[data-kind="notice"]');
  assert.match(await page.textContent('#overlay-title'), /cannot be used/);
  assert.match(await page.textContent('#overlay-text'), /used or is too old/);
  assert.ok(!page.url().includes('code='));
  await picture('link-used');
  await page.click('#overlay-actions .primary'); // the login is remembered in this tab
  await view('picker');
  await page.waitForSelector('.badge');
  await page.context().close();
});

await step('a link in a tab that is open already', async () => {
  await newPage({ viewport: DESK });
  await page.goto(address);
  await view('login');
  await page.goto(`${address}#code=nonsense`);
  await page.waitForSelector('#overlay[data-kind="notice"]');
  assert.match(await page.textContent('#overlay-title'), /cannot be used/);
  await page.click('#overlay-actions .primary');
  await view('login');
  await page.context().close();
});

await step('a guest watches', async () => {
  const made = await code('passive', 'x@y.z');
  await newPage({ viewport: { width: 900, height: 700 } });
  guests.passive = page;
  await page.goto(linkTo(made));
  await session('active');
  await page.waitForSelector('#toolbar[data-open="true"]');
  assert.equal(await page.textContent('#guest-role'), 'You are watching');
  for (const id of ['tool-end', 'tool-invite', 'tool-smaller', 'tool-keyboard']) assert.ok(!(await page.isVisible(`#${id}`)), id);
  await comparePixels();
  await screenIs(DESK.width, DESK.height); // not the guest's
  await page.waitForFunction(() => document.getElementById('screen').getBoundingClientRect().width <= innerWidth);
  await picture('guest-watching');
  await page.keyboard.type('touch intruder\n');
  await page.setViewportSize({ width: 800, height: 500 });
  await comparePixels();
  await screenIs(DESK.width, DESK.height);
});

await step('a guest helps', async () => {
  const made = await code('active', 'y@y.z');
  await newPage({ viewport: PHONE, deviceScaleFactor: 3, isMobile: true, hasTouch: true });
  guests.active = page;
  await page.goto(linkTo(made));
  await session('active');
  await page.waitForSelector('#toolbar[data-open="true"]');
  assert.equal(await page.textContent('#guest-role'), 'You are a guest with control');
  await picture('phone-guest');
  await page.touchscreen.tap(195, 400);
  await typeCommand('test -e intruder; echo $? > helped', 'helped', '1\n');
  await show(owner);
  await comparePixels();
});

await step('a reload of a guest comes back', async () => {
  await show(guests.passive);
  await page.reload();
  await session('active');
  assert.equal(await page.textContent('#guest-role'), 'You are watching');
});

await step('a guest leaves and comes back', async () => {
  await page.mouse.move(400, 3);
  await page.click('#tool-disconnect');
  await page.waitForSelector('#overlay[data-kind="notice"]');
  assert.match(await page.textContent('#overlay-title'), /You have left/);
  await picture('guest-left');
  await page.click('#overlay-actions .primary');
  await session('active');
  await comparePixels();
});

await step('the owner invites', async () => {
  await show(owner);
  await page.mouse.move(640, 3);
  await page.waitForSelector('#toolbar[data-open="true"]');
  await page.click('#tool-invite');
  await picture('invite');
  await page.fill('#invite-email', 'nonsense');
  await page.click('#invite-create');
  await page.waitForSelector('#invite-error:not([hidden])');
  await page.fill('#invite-email', '');
  await page.click('#invite-create');
  await page.waitForSelector('#invite-result:not([hidden])');
  assert.match(await page.inputValue('#invite-link'), /^http:\/\/localhost:\d+\/applicationserver\/index\.php\?token=\d{10}[a-zA-Z0-9]{22}$/);
  await page.click('#invite-copy');
  await until('the word', async () => (await page.textContent('#invite-copy')) === 'Copied');
  await picture('invite-link');
  await page.click('#invite-done');
  await page.setViewportSize(PHONE);
  await page.mouse.move(195, 3);
  await page.click('#tool-invite');
  await picture('phone-invite');
  await page.click('#invite-cancel');
  await page.setViewportSize(DESK);
  await typeCommand('echo back > focus', 'focus', 'back\n'); // the keyboard is the session's again
});

await step('without its owner the session is suspended, and guests are told', async () => {
  const other = owner.context();
  await other.close();
  for (const guest of [guests.active, guests.passive]) {
    await show(guest);
    await session('ended');
    await page.waitForSelector('#overlay[data-kind="notice"]');
    assert.match(await page.textContent('#overlay-title'), /is suspended/);
    assert.match(await page.textContent('#overlay-text'), /^Administrator has left/);
  }
  await picture('guest-suspended');
  await page.click('#overlay-actions .primary');
  await until('the same again', async () => (await page.isVisible('#overlay[data-kind="notice"]')));
  await session('ended');
});

await step('the owner resumes it, and guests come back', async () => {
  await newPage({ viewport: DESK });
  owner = page;
  await page.goto(address);
  await view('login');
  await login(ISTHMUS_PASSWORD);
  await page.click('.tile[data-name="Terminal"]');
  await session('active');
  await typeCommand('echo resumed > resumed', 'resumed', 'resumed\n');
  await show(guests.passive);
  await page.click('#overlay-actions .primary');
  await session('active');
  await comparePixels();
});

await step('the end is the end for everybody', async () => {
  await show(owner);
  await page.keyboard.type('exit\n');
  await session('ended');
  await show(guests.passive);
  await session('ended');
  await page.waitForSelector('#overlay[data-kind="notice"]');
  assert.match(await page.textContent('#overlay-title'), /session has ended/);
  await until('nothing left of the session', () => slots().length === 0);
  await page.click('#overlay-actions .primary');
  await view('login');
});

await step('the page had nothing to complain about', async () => {
  assert.deepEqual(complaints, []);
});

await finish();
