// SPDX-License-Identifier: GPL-3.0-or-later
// Isthmus as a person meets it, from the login to the end of the session.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import {
  DESK, PHONE, address, big, comparePixels, complaints, finish, inHome, kill, login, newPage, page, picture, pointerReports, proxy, screenIs,
  session, slots, step, terminalReady, terminalWindows, typeCommand, until, view, withDisplay,
} from './harness.mjs';

const { ISTHMUS_PASSWORD } = process.env;

await newPage({ viewport: DESK });

await step('the login page opens', async () => {
  await page.goto(address);
  await view('login');
  await picture('login');
});

await step('a wrong password is told in a sentence', async () => {
  await login('not the password');
  await until('the sentence', async () => /user name or the password is wrong/.test(await page.textContent('#login-error')));
  await view('login');
});

await step('the right password leads to the workspaces', async () => {
  await login(ISTHMUS_PASSWORD);
  await view('picker');
  await page.waitForSelector('.tile[data-name="Desktop"]');
  await page.waitForSelector('.tile[data-name="Terminal"]');
  await page.waitForSelector('.tile[data-name="Text Editor"]');
  await page.evaluate(() => document.activeElement?.blur());
  await picture('picker');
});

await step('the desktop starts', async () => {
  await page.click('.tile[data-name="Desktop"]');
  await session('active');
  await screenIs(DESK.width, DESK.height);
});

await step('a terminal opens by its shortcut and takes a command', async () => {
  await withDisplay((display) => until('a terminal window', async () => {
    if ((await terminalWindows(display, DESK)).length > 0) return true;
    await page.keyboard.press('Control+Alt+t');
    return until('the window', async () => (await terminalWindows(display, DESK)).length > 0, 4000).catch(() => false);
  }));
  await terminalReady();
  await typeCommand("printf 'Grüße, 世界 €\\n' > typed", 'typed', 'Grüße, 世界 €\n');
});

await step('every character arrives as it was typed', async () => {
  const line = 'abcXYZ 019 !"#%&()*+,-./:;<=>?@[]^_`{|}~';
  await page.keyboard.type('cat > plain\n');
  await page.keyboard.type(`${line}\n`);
  await page.keyboard.press('Control+d');
  const file = await inHome('plain');
  await until('the line', () => fs.existsSync(file) && fs.readFileSync(file, 'utf8') === `${line}\n`);
  await page.keyboard.type("clear; uname -a; ls --color /; echo 'Hello from a browser'\n");
});

await step('the canvas shows the display bit by bit', comparePixels);

await step('what is printed can be downloaded', async () => {
  await page.keyboard.type("lp -t 'My list' /etc/passwd");
  await page.keyboard.press('Enter');
  const notice = page.locator('.print-notice', { hasText: 'Mylist.pdf' });
  await notice.waitFor({ timeout: 15000 });
  await picture('print-notice');
  const [download] = await Promise.all([page.waitForEvent('download'), notice.getByRole('button', { name: 'Download' }).click()]);
  assert.equal(download.suggestedFilename(), 'Mylist.pdf');
  assert.equal(fs.readFileSync(await download.path()).subarray(0, 5).toString(), '%PDF-');
  await notice.waitFor({ state: 'detached' });
  await page.locator('#sink').focus();
});

await step('a window can be dragged', async () => {
  await withDisplay(async (display) => {
    const [before] = await terminalWindows(display, DESK);
    const from = { x: before.x + Math.round(before.w / 2), y: before.y + 10 };
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x - 80, from.y - 30, { steps: 8 });
    await page.mouse.move(from.x - 140, from.y - 60, { steps: 8 });
    await page.mouse.up();
    await until('the window where it was dragged', async () => {
      const after = (await terminalWindows(display, DESK)).find((one) => one.id === before.id);
      return after && Math.abs(after.x - before.x + 140) <= 2 && Math.abs(after.y - before.y + 60) <= 2;
    });
  });
  await comparePixels();
});

await step('a second program takes text, saves it and closes', async () => {
  await page.keyboard.type('mousepad notes.txt 2> /dev/null &\n');
  await withDisplay(async (display) => {
    await until('the second window', async () => (await terminalWindows(display, DESK)).length === 2);
    await comparePixels();
    await page.keyboard.type('Two shores, one bridge.\n\nПривет, γειά σου, ¡hola!\n');
    await page.keyboard.press('Control+s');
    const file = await inHome('notes.txt');
    await until('the saved text', () => fs.existsSync(file) && fs.readFileSync(file, 'utf8') === 'Two shores, one bridge.\n\nПривет, γειά σου, ¡hola!\n');
    await comparePixels();
    await page.mouse.move(1240, 60);
    await picture('session');
    await page.keyboard.press('Alt+F4');
    await until('only the terminal', async () => (await terminalWindows(display, DESK)).length === 1);
  });
});

await step('the screen follows the window', async () => {
  await page.setViewportSize({ width: 1503, height: 907 });
  await screenIs(1503, 907);
  await comparePixels();
  await page.setViewportSize({ width: 1001, height: 701 });
  await screenIs(1001, 701);
  await comparePixels();
  await page.setViewportSize(DESK);
  await screenIs(DESK.width, DESK.height);
});

await step('a reload comes back to the same session', async () => {
  const before = page.url();
  await page.reload();
  await session('active');
  assert.equal(page.url(), before);
  await comparePixels();
  await page.mouse.click(640, 400);
  await terminalReady();
  await typeCommand('cp typed again', 'again', 'Grüße, 世界 €\n');
});

await step('a cut connection heals by itself', async () => {
  proxy.cut();
  await session('reconnecting');
  await page.waitForSelector('#overlay:not([hidden])');
  await picture('reconnecting');
  proxy.mend();
  await session('active');
  await page.waitForSelector('#overlay', { state: 'hidden' });
  await typeCommand('cp typed healed', 'healed', 'Grüße, 世界 €\n');
  await comparePixels();
});

await step('the page survives the death of the gateway and of the streamer', async () => {
  for (const role of ['gateway', 'streamer']) {
    const lost = session('reconnecting');
    await kill(role);
    await lost;
    await session('active');
    await typeCommand(`cp typed after-${role}`, `after-${role}`, 'Grüße, 世界 €\n');
    await comparePixels();
  }
});

await step('the death of the session host is not even noticed', async () => {
  await kill('session-host');
  await typeCommand('cp typed after-host', 'after-host', 'Grüße, 世界 €\n');
  assert.equal(await page.getAttribute('html', 'data-session'), 'active');
});

await step('disconnecting leaves the session running', async () => {
  await page.mouse.move(640, 3);
  await page.waitForSelector('#toolbar[data-open="true"]');
  await until('a quality in words', async () => /Good|Fair|Slow/.test(await page.textContent('#quality-word')));
  await picture('toolbar');
  await page.click('#tool-disconnect');
  await view('picker');
  await page.waitForSelector('.badge');
  assert.equal(slots().length, 1);
  await page.click('.tile[data-name="Desktop"]');
  await session('active');
  await terminalReady();
  await typeCommand('cp typed resumed', 'resumed', 'Grüße, 世界 €\n');
});

await step('the session ends from the toolbar', async () => {
  await page.mouse.move(640, 3);
  await page.click('#tool-end');
  await page.click('#end-dialog button[value="end"]');
  await view('picker');
  await until('nothing left of the session', () => slots().length === 0);
});

await step('an application comes alone, undecorated and maximised', async () => {
  await page.click('.tile[data-name="Terminal"]');
  await session('active');
  await withDisplay((display) => until('one window over the whole screen', async () => {
    const windows = (await display.windows()).filter(big);
    const [one] = windows;
    return windows.length === 1 && one.w + 2 * one.border >= DESK.width - 12 && one.h + 2 * one.border >= DESK.height - 24;
  }));
  await terminalReady();
  await page.keyboard.type("clear; echo 'One application, no desktop'; ls -la\n");
  await comparePixels();
  await picture('application');
});

await step('buttons and wheel reach the program, where they happened', async () => {
  const reports = await pointerReports(async () => {
    await page.mouse.click(300, 200);
    await page.mouse.click(300, 200, { button: 'middle' });
    await page.mouse.click(300, 200, { button: 'right' });
    await page.mouse.wheel(0, 100);
    await page.mouse.wheel(0, -200);
  });
  const buttons = reports.map((report) => report.split(';')[0]);
  assert.deepEqual(buttons, ['0', '1', '2', '65', '64', '64']);
  const places = new Set(reports.map((report) => report.slice(report.indexOf(';') + 1)));
  assert.equal(places.size, 1);
  // A cell of the terminal is 9 x 18 pixels, its margin 6.
  assert.ok(places.has(`${Math.floor((300 - 6) / 9) + 1};${Math.floor((200 - 6) / 18) + 1}`), [...places].join());
});

await step('it ends with its last window', async () => {
  await page.keyboard.type('exit\n');
  await session('ended');
  await page.waitForSelector('#overlay[data-kind="notice"]');
  assert.match(await page.textContent('#overlay-title'), /session has ended/);
  assert.match(await page.textContent('#overlay-text'), /closed the last window/);
  await until('nothing left of the session', () => slots().length === 0);
  await page.click('#overlay-actions .primary');
  await view('picker');
});

await step('logging out closes the door', async () => {
  await page.click('#logout-button');
  await view('login');
  await page.reload();
  await view('login');
  await page.context().close();
});

// ---- the same on a phone ----

await newPage({ viewport: PHONE, deviceScaleFactor: 3, isMobile: true, hasTouch: true });

await step('a phone logs in', async () => {
  await page.goto(address);
  await view('login');
  await picture('phone-login');
  await login(ISTHMUS_PASSWORD);
  await page.waitForSelector('.tile[data-name="Terminal"]');
  await picture('phone-picker');
});

await step('a phone works in an application by touch', async () => {
  await page.tap('.tile[data-name="Terminal"]');
  await session('active');
  await screenIs(585, 1266);
  await page.touchscreen.tap(195, 400);
  await terminalReady();
  await typeCommand('echo touched > touched', 'touched', 'touched\n');
  await page.tap('#toolbar-handle');
  await picture('phone-toolbar');
  await page.tap('#tool-keyboard');
  await page.tap('#toolbar-handle');
  await page.waitForSelector('#keybar:not([hidden])');
  await until('a smaller screen above the keys', async () => Number(await page.$eval('#screen', (node) => node.dataset.height)) < 1266);
  await page.tap('#keybar button:has-text("↑")');
  await page.keyboard.type("\n");
  await page.keyboard.type("clear; ls -la\n");
  await comparePixels();
  await picture('phone-session');
});

await step('fingers tap, press long and scroll', async () => {
  const touch = await page.context().newCDPSession(page);
  const send = (type, ...points) => touch.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  const reports = await pointerReports(async () => {
    await page.touchscreen.tap(195, 500);
    await send('touchStart', [195, 500]);
    await page.waitForTimeout(700); // a long press is a matter of time
    await send('touchEnd');
    await send('touchStart', [150, 500], [250, 500]);
    for (let y = 490; y >= 420; y -= 10) await send('touchMove', [150, y], [250, y]);
    await send('touchEnd');
  });
  const buttons = reports.map((report) => report.split(';')[0]);
  assert.deepEqual(buttons.slice(0, 2), ['0', '2']);
  assert.ok(buttons.length > 2 && buttons.slice(2).every((button) => button === '65'), buttons.join());
  await page.keyboard.type('exit\n');
  await session('ended');
});

await step('the page had nothing to complain about', async () => {
  assert.deepEqual(complaints, []);
});

await finish();
