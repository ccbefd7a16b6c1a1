// SPDX-License-Identifier: GPL-3.0-or-later
// Between a story and the instance: the browser, the wire to the gateway, and the session's own files, windows and
// pixels as the oracle. Takes a running instance by the values of its banner (see ./run).
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { Proxy } from './proxy.mjs';
import { X11 } from './x11.mjs';

const { ISTHMUS_BROWSER, ISTHMUS_USER, ISTHMUS_PASSWORD, ISTHMUS_STATE } = process.env;
const keep = process.env.ISTHMUS_SCREENSHOTS;
const shots = keep ?? fs.mkdtempSync(path.join(os.tmpdir(), 'isthmus-shots-'));
export const DESK = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
const WAIT = 30000;

const target = new URL(ISTHMUS_BROWSER);
export const proxy = await Proxy.start('127.0.0.1', Number(target.port || 443));
export const address = new URL(target.pathname, `https://localhost:${proxy.port}`).href;

export async function until(what, check, timeout = WAIT) {
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

export let page;
let failures = 0;

export async function step(name, run) {
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

// Animations come to their end first, but for the one that never does.
export async function picture(name) {
  await page.evaluate(() => Promise.allSettled(document.getAnimations()
    .filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished)).then(() => {}));
  await page.screenshot({ path: path.join(shots, `${name}.png`) });
}

export const session = (state) => page.waitForSelector(`html[data-session="${state}"]`, { timeout: WAIT });
export const view = (name) => page.waitForSelector(`html[data-view="${name}"]`, { timeout: WAIT });

// ---- the session's own side ----

export function slots() {
  const root = path.join(ISTHMUS_STATE, 'slots');
  if (!fs.existsSync(root)) return [];
  return fs.readdirSync(root).map((name) => path.join(root, name))
    .filter((slot) => fs.existsSync(path.join(slot, 'session', 'xauthority')));
}

const onlySlot = () => until('one session', () => (slots().length === 1 ? slots()[0] : null));

export async function withDisplay(run) {
  const display = await X11.open(path.join(await onlySlot(), 'session'));
  try {
    return await run(display);
  } finally {
    display.close();
  }
}

// The process of a role of this instance.
function pidOf(role) {
  for (const entry of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = fs.readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      if (line[1] === role && line.some((word) => word.startsWith(ISTHMUS_STATE))) return Number(entry);
    } catch {
      // It is gone already.
    }
  }
  return 0;
}

// As the kernel does it when memory runs out: without a warning.
export async function kill(role) {
  const pid = pidOf(role);
  assert.ok(pid, `no ${role}`);
  process.kill(pid, 'SIGKILL');
  await until(`another ${role}`, () => ![0, pid].includes(pidOf(role)));
}

export const inHome = async (name) => path.join(await onlySlot(), 'home', name);

// What the instance's host asks the gateway, signed as docs/protocol/internal.md says.
export async function askGateway(url, body) {
  const { base } = JSON.parse(fs.readFileSync(path.join(ISTHMUS_STATE, 'run', 'status.json'), 'utf8'));
  const key = Buffer.from(fs.readFileSync(path.join(ISTHMUS_STATE, 'secrets', 'shared.key'), 'utf8').trim(), 'hex');
  const raw = JSON.stringify({ serverUrl: `http://127.0.0.1:${base + 5}`, ...body });
  const [time, nonce] = [Math.floor(Date.now() / 1000), crypto.randomBytes(16).toString('hex')];
  const hash = crypto.createHash('sha256').update(raw).digest('hex');
  const mac = crypto.createHmac('sha256', key).update(`v1\nPOST\n${url}\n${time}\n${nonce}\n${hash}\n`).digest('hex');
  const answer = await fetch(`http://127.0.0.1:${base}${url}`,
    { method: 'POST', body: raw, headers: { 'Content-Type': 'application/json', 'X-Isthmus-Auth': `v1 ${time} ${nonce} ${mac}` } });
  const value = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(value));
  return value;
}

// ---- the page's side ----

export async function login(password) {
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
export async function comparePixels() {
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

export async function screenIs(width, height) {
  await withDisplay((display) => until(`a screen of ${width}x${height}`, async () => {
    const { w, h } = await display.geometry();
    const shown = await page.$eval('#screen', (node) => `${node.dataset.width}x${node.dataset.height}`);
    return w === width && h === height && shown === `${width}x${height}`;
  }));
}

export async function typeCommand(command, file, expected) {
  await page.keyboard.type(`${command}\n`);
  const name = await inHome(file);
  await until(`${file} in the session's home`, () => fs.existsSync(name) && fs.readFileSync(name, 'utf8') === expected);
}

// Typing starts when the new window has the focus; the shell's prompt is the proof, and only it can tell.
export async function terminalReady() {
  const file = await inHome('.ready');
  await until('a terminal that takes commands', async () => {
    await page.keyboard.type('touch .ready\n');
    return until('the file', () => fs.existsSync(file), 1500).catch(() => false);
  });
  fs.rmSync(file);
}

// What a program in the terminal is told of the pointer while run() goes on, in xterm's own words: 'button;column;row'
// for each press, 0 left, 2 right, 64 and 65 the wheel.
export async function pointerReports(run) {
  const file = await inHome('.pointer');
  await page.keyboard.type("printf '\\e[?1000h\\e[?1006h'; sed -u '/^end$/q' > .pointer; printf '\\e[?1000l'; clear\n");
  await until('the listener', () => fs.existsSync(file));
  await run();
  // A window manager may hold a click back while keys pass it, so the last word is said until it is heard.
  await until('the end of the listener', async () => {
    await page.keyboard.type('\nend\n');
    return until('the word', () => /^end$/m.test(fs.readFileSync(file, 'latin1')), 1000).catch(() => false);
  });
  await terminalReady();
  const reports = [...fs.readFileSync(file, 'latin1').matchAll(/\x1b\[<(\d+;\d+;\d+)M/g)].map((match) => match[1]);
  fs.rmSync(file);
  return reports;
}

export const big = ({ w, h }) => w > 100 && h > 100;
export const terminalWindows = async (display, screen) =>
  (await display.windows()).filter((one) => big(one) && (one.w < screen.width || one.h < screen.height * 0.9));

// ---- the browser ----

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  chromiumSandbox: process.getuid() !== 0,
  args: ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])],
});
export const complaints = [];

// Opens a window of its own, with nothing remembered; `page` is it from now on.
export async function newPage(options) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.stack));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource') && !/WebSocket connection to/.test(message.text())) {
      complaints.push(message.text());
    }
  });
}

// A window of newPage again: `page` is it from now on.
export async function show(other) {
  page = other;
  await page.bringToFront();
}

// The last line of a story.
export async function finish() {
  await browser.close();
  proxy.stop();
  if (failures) process.exit(1);
  if (!keep) fs.rmSync(shots, { recursive: true });
}
