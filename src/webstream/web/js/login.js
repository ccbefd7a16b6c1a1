// SPDX-License-Identifier: GPL-3.0-or-later
// The login page.

import { byId } from './dom.js';
import { errorText, waitText } from './messages.js';

export class LoginView {
  #api;
  #done;
  #form = byId('login-form');
  #username = byId('username');
  #password = byId('password');
  #button = byId('login-button');
  #error = byId('login-error');
  #timer = 0;

  // done({token, user}) is called after a good login.
  constructor(api, done) {
    this.#api = api;
    this.#done = done;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    byId('password-show').addEventListener('click', () => this.#reveal());
  }

  show(notice = '') {
    this.#say(notice);
    this.#password.value = '';
    (this.#username.value ? this.#password : this.#username).focus();
  }

  #say(text) {
    this.#error.textContent = text;
    this.#error.hidden = !text;
  }

  #reveal() {
    const shown = this.#password.type === 'password';
    this.#password.type = shown ? 'text' : 'password';
    const button = byId('password-show');
    button.setAttribute('aria-pressed', String(shown));
    button.textContent = shown ? 'Hide' : 'Show';
    this.#password.focus();
  }

  #busy(busy) {
    this.#button.disabled = busy;
    this.#form.setAttribute('aria-busy', String(busy));
    this.#button.textContent = busy ? 'Logging in …' : 'Log in';
  }

  async #submit() {
    clearInterval(this.#timer);
    const username = this.#username.value.trim();
    if (!username || !this.#password.value) {
      this.#say('Enter your user name and your password.');
      (username ? this.#password : this.#username).focus();
      return;
    }
    this.#busy(true);
    this.#say('');
    try {
      const { token, user } = await this.#api.login(username, this.#password.value);
      this.#password.value = '';
      this.#busy(false);
      this.#done({ token, user });
    } catch (error) {
      this.#busy(false);
      this.#refused(error);
    }
  }

  #refused(error) {
    // A 401 means an expired login everywhere else.
    this.#say(error.status === 401 ? errorText('login_failed') : errorText(error));
    if (error.status === 429 && error.waitSeconds > 0) this.#wait(error.waitSeconds);
    this.#password.select();
    this.#password.focus();
  }

  #wait(seconds) {
    let left = seconds;
    this.#button.disabled = true;
    const tick = () => {
      this.#button.textContent = left > 0 ? `Wait ${waitText(left)}` : 'Log in';
      this.#button.disabled = left > 0;
      if (left <= 0) clearInterval(this.#timer);
      left -= 1;
    };
    tick();
    this.#timer = setInterval(tick, 1000);
  }
}
