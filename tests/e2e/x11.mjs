// SPDX-License-Identifier: GPL-3.0-or-later
// A few words of the X11 protocol, enough to ask a session's display server itself what is on its screen. Written
// here because every X client refuses a socket whose path is not /tmp/.X11-unix/XN.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const MAP_VIEWABLE = 2;
const ROUND_UP = (length) => (length + 3) & ~3;

// The cookie of an Xauthority file: entries of family and four counted strings, big-endian.
function readCookie(file) {
  const bytes = fs.readFileSync(file);
  let offset = 0;
  const counted = () => {
    const length = bytes.readUInt16BE(offset);
    const value = bytes.subarray(offset + 2, offset + 2 + length);
    offset += 2 + length;
    return value;
  };
  while (offset < bytes.length) {
    offset += 2;
    counted();
    counted();
    const name = counted().toString();
    const data = counted();
    if (name === 'MIT-MAGIC-COOKIE-1') return data;
  }
  throw new Error(`no cookie in ${file}`);
}

export class X11 {
  #socket;
  #buffer = Buffer.alloc(0);
  #wanted = null; // {length, resolve}
  #error = null;
  #lock = Promise.resolve();

  // The display of the session directory STATE/slots/NN/session.
  static async open(directory) {
    const folder = path.join(directory, 'x11');
    const name = fs.readdirSync(folder).find((entry) => /^X\d+$/.test(entry));
    if (!name) throw new Error(`no display in ${folder}`);
    const display = new X11();
    await display.#connect(path.join(folder, name), readCookie(path.join(directory, 'xauthority')));
    return display;
  }

  close() {
    this.#socket.destroy();
  }

  #connect(socketPath, cookie) {
    // A Unix socket's path has room for 107 bytes; from inside the directory it is short.
    const linked = path.relative(process.cwd(), socketPath);
    this.#socket = net.createConnection({ path: linked.length < socketPath.length ? linked : socketPath });
    this.#socket.on('data', (data) => this.#receive(data));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the display closed the connection')));
    return this.#greet(cookie);
  }

  #fail(error) {
    this.#error ??= error;
    this.#wanted?.reject(this.#error);
    this.#wanted = null;
  }

  #receive(data) {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    this.#serve();
  }

  #serve() {
    if (!this.#wanted || this.#buffer.length < this.#wanted.length) return;
    const { length, resolve } = this.#wanted;
    this.#wanted = null;
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    resolve(taken);
  }

  #read(length) {
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#wanted = { length, resolve, reject };
      this.#serve();
    });
  }

  async #greet(cookie) {
    const method = 'MIT-MAGIC-COOKIE-1';
    const hello = Buffer.alloc(12 + ROUND_UP(method.length) + ROUND_UP(cookie.length));
    hello.write('l');
    hello.writeUInt16LE(11, 2);
    hello.writeUInt16LE(method.length, 6);
    hello.writeUInt16LE(cookie.length, 8);
    hello.write(method, 12);
    cookie.copy(hello, 12 + ROUND_UP(method.length));
    this.#socket.write(hello);
    const head = await this.#read(8);
    const rest = await this.#read(head.readUInt16LE(6) * 4);
    if (head[0] !== 1) throw new Error(`the display refused: ${rest.toString('latin1')}`);
    const screens = 32 + ROUND_UP(rest.readUInt16LE(16)) + rest[21] * 8;
    this.root = rest.readUInt32LE(screens);
  }

  // One request, one reply; errors of the display are thrown.
  #ask(opcode, detail, values) {
    const asked = this.#lock.then(async () => {
      const request = Buffer.alloc(4 + values.length * 4);
      request[0] = opcode;
      request[1] = detail;
      request.writeUInt16LE(request.length / 4, 2);
      values.forEach((value, i) => request.writeUInt32LE(value >>> 0, 4 + i * 4));
      this.#socket.write(request);
      let head = await this.#read(32);
      while (head[0] > 1) head = await this.#read(32); // events; a changed keyboard map is told to everybody
      if (head[0] !== 1) throw new Error(`X11 error ${head[1]} for request ${opcode}`);
      const more = await this.#read(head.readUInt32LE(4) * 4);
      return Buffer.concat([head, more]);
    });
    this.#lock = asked.catch(() => {});
    return asked;
  }

  async geometry(window = this.root) {
    const reply = await this.#ask(14, 0, [window]);
    return { x: reply.readInt16LE(12), y: reply.readInt16LE(14), w: reply.readUInt16LE(16), h: reply.readUInt16LE(18),
      border: reply.readUInt16LE(20) };
  }

  // The visible windows right below the root, in stacking order from the bottom: {id, x, y, w, h, border}.
  async windows() {
    const reply = await this.#ask(15, 0, [this.root]);
    const found = [];
    for (let i = 0; i < reply.readUInt16LE(16); i++) {
      const id = reply.readUInt32LE(32 + i * 4);
      try {
        const attributes = await this.#ask(3, 0, [id]);
        if (attributes[26] === MAP_VIEWABLE) found.push({ id, ...(await this.geometry(id)) });
      } catch (error) {
        if (this.#error) throw error; // a window may go between the two questions; the display may not
      }
    }
    return found;
  }

  // The whole screen as {w, h, rgb}, three bytes a pixel.
  async picture() {
    const { w, h } = await this.geometry();
    const reply = await this.#ask(73, 2, [this.root, 0, (h << 16) | w, 0xffffffff]);
    const rgb = Buffer.alloc(w * h * 3);
    for (let i = 0; i < w * h; i++) {
      rgb[i * 3] = reply[32 + i * 4 + 2];
      rgb[i * 3 + 1] = reply[32 + i * 4 + 1];
      rgb[i * 3 + 2] = reply[32 + i * 4];
    }
    return { w, h, rgb };
  }
}
