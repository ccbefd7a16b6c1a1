// SPDX-License-Identifier: GPL-3.0-or-later
// The owner invites somebody: watch or control, by a link to hand on or by mail.

import { byId } from './dom.js';
import { errorText } from './messages.js';

const COPIED_MS = 2000;

export function lifeText(milliseconds) {
  const minutes = Math.max(1, Math.round(milliseconds / 60000));
  if (minutes < 120) return minutes === 1 ? 'one minute' : `${minutes} minutes`;
  return `${Math.round(minutes / 60)} hours`;
}

// What became of an invitation, in a sentence.
export function resultText({ email, mailed, mode, expiresMs }) {
  const what = mode === 'passive' ? 'watch' : 'use keyboard and mouse';
  const life = `It is good once and for ${lifeText(expiresMs)}.`;
  if (mailed) return `The link was sent to ${email}. Whoever opens it may ${what}. ${life}`;
  if (email) return `The link could not be mailed; copy it and send it to ${email} yourself. Whoever opens it may ${what}. ${life}`;
  return `Send this link to one person, who may then ${what}. ${life}`;
}

export class Invite {
  #dialog = byId('invite-dialog');
  #form = byId('invite-form');
  #result = byId('invite-result');
  #link = byId('invite-link');
  #error = byId('invite-error');
  #create = byId('invite-create');
  #copy = byId('invite-copy');
  #listeners = new AbortController();
  #send;
  #run = 0;

  // send(mode, email) makes the invitation; closed() gives the focus back.
  constructor({ send, closed }) {
    this.#send = send;
    const signal = this.#listeners.signal;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    }, { signal });
    this.#copy.addEventListener('click', () => this.#copyLink(), { signal });
    byId('invite-again').addEventListener('click', () => this.#showForm(), { signal });
    for (const id of ['invite-cancel', 'invite-done']) byId(id).addEventListener('click', () => this.#dialog.close(), { signal });
    this.#dialog.addEventListener('close', closed, { signal });
  }

  open() {
    this.#showForm();
    this.#dialog.showModal();
  }

  destroy() {
    this.#run += 1;
    this.#listeners.abort();
    this.#dialog.close();
  }

  #showForm() {
    this.#run += 1;
    this.#form.reset();
    this.#form.hidden = false;
    this.#result.hidden = true;
    this.#create.disabled = false;
    this.#say('');
  }

  #say(text) {
    this.#error.textContent = text;
    this.#error.hidden = !text;
  }

  async #submit() {
    const run = ++this.#run;
    const email = byId('invite-email');
    if (!email.checkValidity()) {
      this.#say('This is not an e-mail address. Leave the field empty to get the link only.');
      email.focus();
      return;
    }
    this.#say('');
    this.#create.disabled = true;
    try {
      const made = await this.#send(new FormData(this.#form).get('mode'), email.value.trim());
      if (run === this.#run) this.#show(made);
    } catch (failure) {
      if (run === this.#run) this.#say(errorText(failure.status === 404 || failure.status === 405 ? 'invite_off' : failure));
    }
    this.#create.disabled = false;
  }

  #show(made) {
    this.#form.hidden = true;
    this.#result.hidden = false;
    byId('invite-text').textContent = resultText(made);
    this.#link.value = made.link;
    this.#copy.textContent = 'Copy';
    this.#copy.focus();
  }

  async #copyLink() {
    this.#link.select();
    try {
      await navigator.clipboard.writeText(this.#link.value);
    } catch {
      if (!document.execCommand('copy')) return; // it is selected: the person's own shortcut does the rest
    }
    this.#copy.textContent = 'Copied';
    setTimeout(() => { this.#copy.textContent = 'Copy'; }, COPIED_MS);
  }
}
