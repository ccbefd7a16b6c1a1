// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of the page to /control messages. A key travels as physical code and produced text (docs/protocol/control.md);
// what an input method or a phone keyboard composes travels as text. A hidden text field holds the focus, because
// browsers start input methods for text fields only.

// Their effect is in KeyboardEvent.key already; sending them too would apply it twice.
const NOT_SENT = new Set(['AltGraph', 'CapsLock', 'NumLock', 'ScrollLock', 'Dead', 'Process', 'Unidentified', 'Fn', 'FnLock', 'Hyper', 'Super']);
const COMPOSING = new Set(['Dead', 'Process', 'Unidentified']);
const KEYCODE_COMPOSING = 229; // what browsers report for a key that an input method took
const ALTGR_PAIR_MS = 50; // Windows sends ControlLeft just before AltGraph
const MAX_TEXT = 1000; // characters; 4 bytes each stay below the 4096 of the protocol
const FILLER = '\u200b\u200b'; // so that a phone keyboard has something to delete

export class Keyboard {
  #sink;
  #send;
  #onMenu;
  #held = new Map(); // code -> key as it went down
  #controlDown = 0;
  #chord = false;
  #sticky = new Set();
  #enabled = false;

  constructor(sink, { send, onMenu }) {
    this.#sink = sink;
    this.#send = send;
    this.#onMenu = onMenu;
    sink.addEventListener('keydown', (event) => this.#down(event));
    sink.addEventListener('keyup', (event) => this.#up(event));
    sink.addEventListener('input', (event) => this.#input(event));
    sink.addEventListener('compositionend', (event) => this.#composed(event));
    sink.addEventListener('blur', () => this.releaseAll());
    sink.addEventListener('paste', (event) => event.preventDefault());
    this.#reset();
  }

  // While there is no session to type into, the keys stay the browser's: Tab reaches the buttons on the screen.
  set enabled(enabled) {
    this.#enabled = enabled;
  }

  focus() {
    this.#sink.focus({ preventScroll: true });
  }

  // A phone shows its keyboard for this field only when asked to.
  setVirtual(shown) {
    this.#sink.inputMode = shown ? 'text' : 'none';
    this.#sink.blur();
    this.focus();
  }

  // Modifiers that the key bar holds for the next key: 'ControlLeft', 'AltLeft'.
  setSticky(codes) {
    this.#sticky = new Set(codes);
  }

  // Presses and releases a key, with the sticky modifiers around it.
  tap(code, key) {
    const modifiers = [...this.#sticky];
    modifiers.forEach((modifier) => this.#key(modifier, modifier.replace('Left', ''), true));
    this.#key(code, key, true);
    this.#key(code, key, false);
    modifiers.reverse().forEach((modifier) => this.#key(modifier, modifier.replace('Left', ''), false));
    if (modifiers.length) this.#sink.dispatchEvent(new Event('stickydone'));
  }

  releaseAll() {
    this.#held.clear();
    this.#chord = false;
    this.#send({ type: 'releaseKeys' });
  }

  #key(code, key, down, repeat = false) {
    const message = { type: 'key', code, key, down };
    if (repeat) message.repeat = true;
    this.#send(message);
  }

  #down(event) {
    if (!this.#enabled || event.isComposing || event.keyCode === KEYCODE_COMPOSING || COMPOSING.has(event.key)) return;
    // Some phone keyboards name no physical key; their characters come as input.
    if (event.code === '' && event.key.length === 1) return;
    event.preventDefault();
    event.stopPropagation();
    this.#watchChord(event);
    if (event.key === 'AltGraph') this.#undoControl(event);
    if (NOT_SENT.has(event.key)) return;
    if (event.code === '') {
      this.tap(event.key, event.key);
      return;
    }
    if (event.code === 'ControlLeft') this.#controlDown = event.timeStamp;
    if (this.#sticky.size && !event.repeat && event.key.length === 1) {
      this.tap(event.code, event.key);
      return;
    }
    this.#held.set(event.code, event.key);
    this.#key(event.code, event.key, true, event.repeat);
  }

  #up(event) {
    if (this.#chord && !(event.ctrlKey && event.altKey && event.shiftKey)) {
      this.#chord = false;
      this.#onMenu();
    }
    const key = this.#held.get(event.code);
    if (key === undefined) return;
    event.preventDefault();
    this.#held.delete(event.code);
    this.#key(event.code, key, false);
    // macOS tells no key-up for keys that were released while Command was down.
    if (key === 'Meta') this.#releaseCharacters();
  }

  #releaseCharacters() {
    for (const [code, key] of this.#held) {
      if (key.length !== 1) continue;
      this.#held.delete(code);
      this.#key(code, key, false);
    }
  }

  // Control+Alt+Shift without any other key opens the toolbar: the way out for people without a mouse.
  #watchChord(event) {
    const modifier = ['Control', 'Alt', 'Shift', 'Meta'].includes(event.key);
    this.#chord = modifier && event.ctrlKey && event.altKey && event.shiftKey;
  }

  #undoControl(event) {
    if (!this.#held.has('ControlLeft') || event.timeStamp - this.#controlDown > ALTGR_PAIR_MS) return;
    this.#held.delete('ControlLeft');
    this.#key('ControlLeft', 'Control', false);
  }

  #composed(event) {
    this.#text(event.data);
    this.#reset();
  }

  // Reached only by input that no key event told: phone keyboards, dictation, emoji pickers.
  #input(event) {
    if (event.isComposing || event.inputType === 'insertCompositionText') return;
    const key = { deleteContentBackward: 'Backspace', deleteContentForward: 'Delete', insertLineBreak: 'Enter',
      insertParagraph: 'Enter', deleteWordBackward: 'Backspace' }[event.inputType];
    if (key) this.tap(key, key);
    else if (event.inputType !== 'insertFromComposition') this.#text(event.data);
    this.#reset();
  }

  #text(text) {
    const characters = [...(text ?? '')].filter((character) => character !== '\u200b');
    if (this.#sticky.size && characters.length === 1 && /^[a-z0-9]$/i.test(characters[0])) {
      const [character] = characters;
      this.tap(/\d/.test(character) ? `Digit${character}` : `Key${character.toUpperCase()}`, character);
      return;
    }
    for (let i = 0; i < characters.length; i += MAX_TEXT) {
      this.#send({ type: 'text', text: characters.slice(i, i + MAX_TEXT).join('') });
    }
  }

  #reset() {
    this.#sink.value = FILLER;
    this.#sink.setSelectionRange(FILLER.length, FILLER.length);
  }
}
