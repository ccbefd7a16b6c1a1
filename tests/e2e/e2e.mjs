// SPDX-License-Identifier: GPL-3.0-or-later
// Isthmus as a person meets it: a real browser, a real session, and the session's own files, windows and pixels as
// the oracle. Takes a running instance by the values of its banner (see ./run).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { Proxy } from './proxy.mjs';
import { X11 } from './x11.mjs';

const { ISTHMUS_BROWSER, ISTHMUS_USER, ISTHMUS_PASSWORD, ISTHMUS_STATE } = process.env;
const shots = process.env.ISTHMUS_SCREENSHOTS ?? fs.mkdtempSync(path.join(os.tmpdir(), 'isthmus-shots-'));
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const WAIT = 30000;

const target = new URL(ISTHMUS_BROWSER);
const proxy = await Proxy.start('127.0.0.1', Number(target.port || 443));
const address = new URL(target.pathname, `https://localhost:${proxy.port}`).href;

async function until(what, check, timeout = WAIT) {
  const deadline = Date.now() + timeout;
  for (let last; ;) {
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`timeout: ${what}; at last: ${last?.stack ?? last}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

let page;
let failures = 0;

async function step(name, run) {
  if (failures) return;
  const started = Date.now();
  try {
    await run();
    console.log(`ok     ${name} (${Date.now() - started} ms)`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED ${name}\n${error.stack}`);
    const file = path.join(shots, 'failure.png');
    await page.screenshot({ path: file }).then(() => console.log(`screenshot: ${file}`), () => {});
  }
}

const picture = (name) => page.screenshot({ path: path.join(shots, `${name}.png`) });
const session = (state) => page.waitForSelector(`html[data-session="${state}"]`, { timeout: WAIT });
const view = (name) => page.waitForSelector(`html[data-view="${name}"]`, { timeout: WAIT });

// ---- the session's own side ----

function slots() {
  const root = path.join(ISTHMUS_STATE, 'slots');
  if (!fs.existsSync(root)) return [];
  return fs.readdirSync(root).map((name) => path.join(root, name))
    .filter((slot) => fs.existsSync(path.join(slot, 'session', 'xauthority')));
}

const onlySlot = () => until('one session', () => (slots().length === 1 ? slots()[0] : null));

async function withDisplay(run) {
  const display = await X11.open(path.join(await onlySlot(), 'session'));
  try {
    return await run(display);
  } finally {
    display.close();
  }
}

const inHome = async (name) => path.join(await onlySlot(), 'home', name);

// ---- the page's side ----

async function login(password) {
  await page.fill('#username', ISTHMUS_USER);
  await page.fill('#password', password);
  await page.click('#login-button');
}

// The pixels that the person sees: the canvas, copied from what the worker has put on it.
async function canvas() {
  const { w, h, base64 } = await page.evaluate(async () => {
    const screen = document.getElementById('screen');
    const copy = document.createElement('canvas');
    copy.width = Number(screen.dataset.width);
    copy.height = Number(screen.dataset.height);
    const context = copy.getContext('2d', { alpha: false, willReadFrequently: true });
    context.drawImage(screen, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    const url = await new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.readAsDataURL(new Blob([data]));
    });
    return { w: copy.width, h: copy.height, base64: url.slice(url.indexOf(',') + 1) };
  });
  return { w, h, rgba: Buffer.from(base64, 'base64') };
}

function differences(seen, real) {
  if (seen.w !== real.w || seen.h !== real.h) return `${seen.w}x${seen.h} is not ${real.w}x${real.h}`;
  let count = 0;
  let first = null;
  for (let i = 0; i < real.w * real.h; i++) {
    const same = [0, 1, 2].every((c) => seen.rgba[i * 4 + c] === real.rgb[i * 3 + c]);
    if (same) continue;
    count += 1;
    first ??= `${i % real.w},${Math.floor(i / real.w)}`;
  }
  return count ? `${count} pixels differ, the first at ${first}` : '';
}

// A clock may tick between the two looks, so a difference gets a second chance; a wrong pixel stays wrong.
async function comparePixels() {
  await withDisplay((display) => until('the canvas shows what the display server has', async () => {
    const real = await display.picture();
    const found = differences(await canvas(), real);
    if (found) throw new Error(found);
    const colours = new Set();
    for (let i = 0; i < real.rgb.length && colours.size < 3; i += 3) colours.add(real.rgb.readUIntBE(i, 3));
    assert.ok(colours.size > 2, 'the screen is blank');
    return true;
  }));
}

async function screenIs(width, height) {
  await withDisplay((display) => until(`a screen of ${width}x${height}`, async () => {
    const { w, h } = await display.geometry();
    const shown = await page.$eval('#screen', (node) => `${node.dataset.width}x${node.dataset.height}`);
    return w === width && h === height && shown === `${width}x${height}`;
  }));
}

async function typeCommand(command, file, expected) {
  await page.keyboard.type(`${command}\n`);
  const name = await inHome(file);
  await until(`${file} in the session's home`, () => fs.existsSync(name) && fs.readFileSync(name, 'utf8') === expected);
}

// Typing starts when the new window has the focus; the shell's prompt is the proof, and only it can tell.
async function terminalReady() {
  const file = await inHome('.ready');
  await until('a terminal that takes commands', async () => {
    await page.keyboard.type('touch .ready\n');
    return until('the file', () => fs.existsSync(file), 1500).catch(() => false);
  });
  fs.rmSync(file);
}

const big = ({ w, h }) => w > 100 && h > 100;
const terminalWindows = async (display, screen) =>
  (await display.windows()).filter((one) => big(one) && (one.w < screen.w || one.h < screen.h * 0.9));

// ---- the story ----

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  chromiumSandbox: process.getuid() !== 0,
  args: ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])],
});
const complaints = [];

async function newPage(options) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.stack));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource') && !/WebSocket connection to/.test(message.text())) {
      complaints.push(message.text());
    }
  });
}

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

await step('a window can be dragged', async () => {
  await withDisplay(async (display) => {
    const [before] = await terminalWindows(display, DESK);
    const from = { x: before.x + Math.round(before.w / 2), y: before.y + 10 };
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x + 60, from.y + 40, { steps: 8 });
    await page.mouse.move(from.x + 120, from.y + 90, { steps: 8 });
    await page.mouse.up();
    await until('the window where it was dragged', async () => {
      const after = (await terminalWindows(display, DESK)).find((one) => one.id === before.id);
      return after && Math.abs(after.x - before.x - 120) <= 2 && Math.abs(after.y - before.y - 90) <= 2;
    });
  });
  await comparePixels();
  await page.mouse.move(640, 600);
  await picture('session');
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
  await page.tap('#tool-keyboard');
  await page.tap('#toolbar-handle');
  await page.waitForSelector('#keybar:not([hidden])');
  await until('a smaller screen above the keys', async () => Number(await page.$eval('#screen', (node) => node.dataset.height)) < 1266);
  await page.tap('#keybar button:has-text("↑")');
  await page.keyboard.type("\n");
  await page.keyboard.type("clear; ls -la\n");
  await comparePixels();
  await picture('phone-session');
  await page.keyboard.type('exit\n');
  await session('ended');
});

await step('the page had nothing to complain about', async () => {
  assert.deepEqual(complaints, []);
});

await browser.close();
proxy.stop();
if (failures) process.exit(1);
console.log(`screenshots: ${shots}`);
