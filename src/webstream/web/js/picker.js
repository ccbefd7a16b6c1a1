// SPDX-License-Identifier: GPL-3.0-or-later
// The workspaces of a user: a tile for each desktop and for each application of a collection. Tiles of sessions that
// this tab has left running say so.

import { byId, element, icon } from './dom.js';
import { errorText } from './messages.js';
import * as memory from './memory.js';

const KNOWN_ICONS = ['terminal', 'editor', 'desktop', 'app', 'browser', 'files'];
const LIVE = ['pending', 'connecting', 'active', 'suspending', 'suspended', 'resuming'];

// The symbol for an application: its own word for it, else what its name suggests.
export function iconName(application) {
  const words = `${application.icon ?? ''} ${application.name ?? ''}`.toLowerCase();
  const rules = [['terminal', /term|shell|console/], ['editor', /edit|pad|text|note/], ['browser', /browser|web|firefox|chrom/],
    ['files', /file|folder/], ['desktop', /desktop/]];
  return rules.find(([, pattern]) => pattern.test(words))?.[0] ?? KNOWN_ICONS.find((name) => words.includes(name)) ?? 'app';
}

export class PickerView {
  #api;
  #onLaunch;
  #onLoginOver;
  #list = byId('workspaces');
  #notice = byId('picker-notice');
  #user = null;
  #run = 0;

  // onLaunch({sessionId, name}); onLoginOver() when the token is no longer good.
  constructor(api, { onLaunch, onLoginOver }) {
    this.#api = api;
    this.#onLaunch = onLaunch;
    this.#onLoginOver = onLoginOver;
  }

  async show(user) {
    const run = ++this.#run;
    this.#user = user;
    this.#say('');
    byId('user-name').textContent = user.displayName || user.username;
    this.#list.setAttribute('aria-busy', 'true');
    this.#list.replaceChildren(...[1, 2].map(() => element('div', { class: 'tile skeleton', 'aria-hidden': 'true' })));
    try {
      const [workspaces, running] = await Promise.all([this.#api.entitlements(user.id), this.#running()]);
      if (run === this.#run) this.#fill(workspaces, running);
    } catch (error) {
      if (run === this.#run) this.#failed(error);
    }
    this.#list.setAttribute('aria-busy', 'false');
  }

  hide() {
    this.#run += 1;
  }

  #say(text, retry = null) {
    this.#notice.replaceChildren(text);
    if (retry) this.#notice.append(' ', element('button', { type: 'button', class: 'button', onclick: retry }, 'Try again'));
    this.#notice.hidden = !text;
  }

  // Sessions that this tab started and that still live.
  async #running() {
    const alive = await Promise.all(memory.sessions.all().map(async (session) => {
      try {
        const { state } = await this.#api.status(session.sessionId);
        if (LIVE.includes(state)) return session;
      } catch (error) {
        if (error.status === 0 || error.status >= 500) return session; // nobody knows; it stays
      }
      memory.sessions.remove(session.sessionId);
      return null;
    }));
    return alive.filter(Boolean);
  }

  #failed(error) {
    if (error.status === 401) {
      this.#onLoginOver();
      return;
    }
    this.#list.replaceChildren();
    this.#say(errorText(error), () => this.show(this.#user));
  }

  #fill(workspaces, running) {
    const usable = workspaces.filter((workspace) => workspace.type !== 'app_collection' || workspace.applications?.length);
    if (usable.length === 0) {
      this.#list.replaceChildren(element('div', { class: 'empty' }, icon('island'),
        element('h2', {}, 'Nothing here yet'),
        element('p', {}, 'No workspace has been given to you. Ask your administrator to add you to a group that has one, then reload this page.')));
      return;
    }
    const desktops = usable.filter((workspace) => workspace.type !== 'app_collection');
    const collections = usable.filter((workspace) => workspace.type === 'app_collection');
    const sections = collections.map((workspace) => this.#section(workspace.name, workspace.description,
      workspace.applications.map((application) => this.#tile(workspace, application, running))));
    if (desktops.length) {
      sections.unshift(this.#section('Desktops', '',
        desktops.map((workspace) => this.#tile(workspace, null, running))));
    }
    this.#list.replaceChildren(...sections);
  }

  #section(name, description, tiles) {
    return element('section', { class: 'workspace' },
      element('h2', {}, name),
      description ? element('p', { class: 'about' }, description) : null,
      element('ul', { class: 'tiles' }, ...tiles));
  }

  #tile(workspace, application, running) {
    const shown = application ?? workspace;
    const appId = application?.id ?? null;
    const session = running.find((one) => one.workspaceId === workspace.id && one.appId === appId);
    const name = application ? iconName(application) : 'desktop';
    const button = element('button', { type: 'button', class: `tile ${name}`, 'data-workspace': workspace.id, 'data-app': appId,
      'data-name': shown.name, onclick: () => this.#launch(button, workspace, appId, shown.name) },
    element('span', { class: 'tile-icon' }, icon(name)),
    element('span', { class: 'tile-words' },
      element('span', { class: 'tile-name' }, shown.name),
      element('span', { class: 'tile-about' }, shown.description || (application ? 'Application' : 'A whole desktop in this window'))),
    session ? element('span', { class: 'badge' }, 'Running') : null);
    const end = session ? element('button', { type: 'button', class: 'tile-end', 'aria-label': `End ${shown.name}`, title: 'End this session',
      onclick: () => this.#end(session) }, icon('close')) : null;
    return element('li', {}, button, end);
  }

  async #launch(button, workspace, appId, name) {
    this.#say('');
    const run = this.#run;
    const buttons = [...this.#list.querySelectorAll('button')];
    buttons.forEach((other) => { other.disabled = true; });
    button.classList.add('busy');
    try {
      const { sessionId } = await this.#api.select(workspace, appId);
      if (run !== this.#run) return;
      memory.sessions.add({ sessionId, workspaceId: workspace.id, appId, name });
      this.#onLaunch({ sessionId, name });
    } catch (error) {
      if (run !== this.#run) return;
      if (error.status === 401) this.#onLoginOver();
      else this.#say(errorText(error));
    } finally {
      buttons.forEach((other) => { other.disabled = false; });
      button.classList.remove('busy');
    }
  }

  async #end(session) {
    try {
      await this.#api.release(session.sessionId);
      memory.sessions.remove(session.sessionId);
      await this.show(this.#user);
      this.#say(`${session.name} was ended.`);
    } catch (error) {
      this.#failed(error);
    }
  }
}
