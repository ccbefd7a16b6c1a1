// SPDX-License-Identifier: GPL-3.0-or-later
// One session's two WebSockets and everything that keeps them up: the launch, the watch over them, the way back after a
// loss, and the end. Tells its state by 'state' events: connecting, active, reconnecting, ended (detail.kind says how).

import { Api, ApiError } from './api.js';
import { delayAfter } from './backoff.js';

const GIVE_UP_MS = 5 * 60 * 1000;
const OPEN_TIMEOUT_MS = 20000;
const PING_MS = 2000;
const SILENCE_MS = 12000; // a ping without an answer for this long means that the connection is dead
const REASON_WAIT_MS = 800; // the word `ended` may still be on its way on /control when /capture closes
const CLOSE_POLICY = 1008;
const CLOSE_ENDED = 4001;
const CLOSE_REVOKED = 4002;
const CLOSE_BROKEN = [1002, 1007, 1009];

export class Connection extends EventTarget {
  #api;
  #sessionId;
  #capture;
  #wanted;
  #control = null;
  #state = 'idle';
  #run = 0; // what belongs to an older run is ignored
  #attempt = 0;
  #lostAt = 0;
  #timer = 0;
  #pingTimer = 0;
  #pingSent = 0;
  #endReason = null;
  #pending = null; // {hello, picture, resolve, reject} while the sockets open
  #size = null; // the session's
  #asked = null; // the last one that was wished for
  #guest;
  viewOnly = false;

  // guest: a guest's connection, whose screen is as large as its owner wishes.
  constructor({ api, sessionId, capture, wanted, guest = false }) {
    super();
    this.#guest = guest;
    this.#api = api;
    this.#sessionId = sessionId;
    this.#capture = capture;
    this.#wanted = wanted;
  }

  get state() {
    return this.#state;
  }

  start() {
    this.#set('connecting', {});
    this.#lostAt = performance.now();
    this.#attempt = 0;
    this.#endReason = null;
    this.#connect();
  }

  // Drops the sockets and says nothing any more; the session goes on.
  stop() {
    this.#state = 'idle';
    this.#closeSockets();
  }

  // Cuts a wait short; does nothing when there is none.
  retryNow() {
    if (this.#timer) this.#connect();
  }

  send(message) {
    if (this.#state !== 'active' || this.#control?.readyState !== WebSocket.OPEN) return;
    if (this.viewOnly && message.type !== 'ping') return;
    this.#control.send(JSON.stringify(message));
  }

  resize({ width, height }) {
    const latest = this.#asked ?? this.#size;
    if (this.#guest) return;
    if (this.#state !== 'active' || (latest?.width === width && latest?.height === height)) return;
    this.#asked = { width, height };
    this.send({ type: 'resize', width, height, scale: devicePixelRatio });
  }

  // What the capture engine reports.
  captureEvent(event) {
    if (event.connection !== undefined && event.connection !== this.#run) return; // an older socket's
    if (event.type === 'picture') this.#ready('picture');
    if (event.type === 'close') this.#closed(event.code);
    if (event.type === 'failure') this.#end('error', { code: 'protocol' });
  }

  #set(state, detail) {
    this.#state = state;
    this.dispatchEvent(new CustomEvent('state', { detail: { state, ...detail } }));
  }

  #closeSockets() {
    this.#run += 1;
    clearTimeout(this.#timer);
    clearInterval(this.#pingTimer);
    this.#timer = 0;
    this.#pending?.reject(new ApiError(0, 'network', 'closed'));
    this.#pending = null;
    const control = this.#control;
    this.#control = null;
    control?.close(1000);
    this.#capture.close();
  }

  async #connect() {
    this.#closeSockets();
    const run = this.#run;
    this.dispatchEvent(new CustomEvent('attempt'));
    try {
      await this.#prepare();
      if (run !== this.#run) return;
      const [capture, control] = await Promise.all(
        ['capture', 'control'].map((channel) => this.#api.ticket(this.#sessionId, channel)));
      if (run !== this.#run) return;
      await this.#open(Api.socket('capture', capture.ticket), Api.socket('control', control.ticket));
      if (run !== this.#run) return;
      this.#attempt = 0;
      this.#startPing();
      this.#set('active', {});
      this.resize(this.#wanted());
    } catch (error) {
      if (run === this.#run) this.#failed(error);
    }
  }

  // The host has to know of the session before a ticket is of use. After a loss the streamer is most likely still
  // there, so the host is asked again only when the status or a failed attempt says otherwise.
  async #prepare() {
    const first = this.#state === 'connecting';
    const { state, reason } = first ? {} : await this.#api.status(this.#sessionId);
    this.#endReason ??= reason ?? null;
    if (state === 'ended' || state === 'ending') throw new ApiError(410, 'session_ended', 'ended');
    if (!first && state === 'active' && this.#attempt % 2 === 0) return;
    const { width, height } = this.#wanted();
    await this.#api.connection(this.#sessionId, width, height);
  }

  #open(capture, control) {
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => reject(new ApiError(0, 'network', 'no picture')), OPEN_TIMEOUT_MS);
      const settle = (how) => (value) => {
        clearTimeout(timeout);
        this.#pending = null;
        how(value);
      };
      this.#pending = { hello: false, picture: false, resolve: settle(resolve), reject: settle(reject) };
      this.#capture.open(capture.url, capture.protocols, this.#run);
      const socket = new WebSocket(control.url, control.protocols);
      this.#control = socket;
      socket.onmessage = (event) => this.#control === socket && this.#message(event.data);
      socket.onclose = (event) => this.#control === socket && this.#closed(event.code);
    });
  }

  #ready(what) {
    if (!this.#pending) return;
    this.#pending[what] = true;
    // A page that is not visible is sent no picture: the greeting has to do.
    if (this.#pending.hello && (this.#pending.picture || document.hidden)) this.#pending.resolve();
  }

  #message(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.type === 'hello') {
      this.viewOnly = message.viewOnly === true;
      this.#size = { width: message.width, height: message.height };
      this.#asked = null;
      this.#ready('hello');
    } else if (message.type === 'resized') {
      this.#size = { width: message.width, height: message.height };
    } else if (message.type === 'pong') {
      this.#pingSent = 0;
      this.dispatchEvent(new CustomEvent('roundtrip', { detail: performance.now() - message.t }));
    } else if (message.type === 'print') {
      this.dispatchEvent(new CustomEvent('print', { detail: message }));
    } else if (message.type === 'ended') {
      this.#endReason = message.reason ?? null;
    }
  }

  #startPing() {
    this.#pingSent = 0;
    const ping = () => {
      const now = performance.now();
      if (this.#pingSent && now - this.#pingSent > SILENCE_MS) {
        this.#closed(0);
        return;
      }
      this.#pingSent ||= now;
      this.send({ type: 'ping', t: now });
    };
    this.#pingTimer = setInterval(ping, PING_MS);
    queueMicrotask(ping);
  }

  #closed(code) {
    if (this.#state === 'idle' || this.#state === 'ended') return;
    if (code === CLOSE_ENDED) this.#endSoon();
    else if (code === CLOSE_REVOKED) this.#end('revoked', {});
    else if (CLOSE_BROKEN.includes(code)) this.#end('error', { code: 'protocol' });
    else if (code === CLOSE_POLICY) this.#end('error', { code: 'policy' });
    else this.#failed(new ApiError(0, 'network', `closed with ${code}`));
  }

  #endSoon() {
    clearInterval(this.#pingTimer);
    if (this.#endReason) this.#over();
    else setTimeout(() => this.#over(), REASON_WAIT_MS);
  }

  // A session that was suspended can be resumed, but nobody knows whether that is wanted.
  #over() {
    if (this.#endReason === 'suspended') this.#end('suspended', {});
    else this.#end('ended', { reason: this.#endReason });
  }

  #end(kind, detail) {
    if (this.#state === 'idle' || this.#state === 'ended') return;
    this.#closeSockets();
    this.#set('ended', { kind, ...detail });
  }

  #failed(error) {
    this.#closeSockets();
    if (error.status === 401) this.#end('login', {});
    else if (error.code === 'session_suspended') this.#end('suspended', {});
    else if (error.status === 404 || error.status === 410) this.#end('ended', { reason: this.#endReason, code: error.code });
    else if (error.status === 403 || error.code === 'pool_exhausted') this.#end('error', { code: error.code, error });
    else if (error instanceof ApiError) this.#retry(error);
    else throw error;
  }

  #retry(error) {
    const now = performance.now();
    if (this.#state === 'active') {
      this.#lostAt = now;
      this.#attempt = 0;
    }
    if (now - this.#lostAt > GIVE_UP_MS) {
      this.#end('error', { code: 'gave_up' });
      return;
    }
    const delay = Math.max(delayAfter(this.#attempt), error.waitSeconds * 1000);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#set('reconnecting', { delay, error });
  }
}
