// SPDX-License-Identifier: GPL-3.0-or-later
// What browsers of several systems really send for keys, and the /control messages that have to come of it.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Keyboard } from '../../src/webstream/web/js/keyboard.js';

// As much of a textarea as the keyboard uses.
class Field extends EventTarget {
  value = '';
  setSelectionRange() {}
  focus() {}
  blur() {}
}

let field;
let keyboard;
let sent;
let menus;

function fire(type, properties = {}) {
  const event = Object.assign(new Event(type, { cancelable: true }), { isComposing: false, keyCode: 0, repeat: false }, properties);
  if (properties.at !== undefined) Object.defineProperty(event, 'timeStamp', { value: properties.at });
  field.dispatchEvent(event);
  return event;
}

const down = (code, key, more = {}) => fire('keydown', { code, key, ...more });
const up = (code, key, more = {}) => fire('keyup', { code, key, ...more });
const brief = () => sent.map((m) => (m.type === 'key' ? `${m.down ? '+' : '-'}${m.code}:${m.key}${m.repeat ? '!' : ''}` : m.text ?? m.type));

beforeEach(() => {
  field = new Field();
  sent = [];
  menus = 0;
  keyboard = new Keyboard(field, { send: (message) => sent.push(message), onMenu: () => { menus += 1; } });
  keyboard.enabled = true;
});

test('a key goes down, repeats and comes up, and the browser does nothing of its own', () => {
  assert.equal(down('F5', 'F5').defaultPrevented, true);
  down('F5', 'F5', { repeat: true });
  up('F5', 'F5');
  assert.deepEqual(brief(), ['+F5:F5', '+F5:F5!', '-F5:F5']);
});

test('a key comes up as the character that went down', () => {
  down('KeyA', 'A');
  up('KeyA', 'a');
  assert.deepEqual(brief(), ['+KeyA:A', '-KeyA:A']);
});

test('a key-up without its key-down is none of the session', () => {
  up('Enter', 'Enter');
  assert.deepEqual(brief(), []);
});

test('AltGr on Windows takes its false Control back', () => {
  down('ControlLeft', 'Control', { at: 1000, ctrlKey: true });
  down('AltRight', 'AltGraph', { at: 1000, ctrlKey: true, altKey: true });
  down('KeyQ', '@', { at: 1100 });
  up('KeyQ', '@');
  up('ControlLeft', 'Control');
  up('AltRight', 'AltGraph');
  assert.deepEqual(brief(), ['+ControlLeft:Control', '-ControlLeft:Control', '+KeyQ:@', '-KeyQ:@']);
});

test('a real Control before AltGr stays', () => {
  down('ControlLeft', 'Control', { at: 1000 });
  down('AltRight', 'AltGraph', { at: 2000 });
  assert.deepEqual(brief(), ['+ControlLeft:Control']);
});

test('locks and dead keys are not sent, and dead keys are left to the browser', () => {
  down('CapsLock', 'CapsLock');
  down('NumLock', 'NumLock');
  assert.equal(down('BracketLeft', 'Dead').defaultPrevented, false);
  down('KeyE', 'ê');
  assert.deepEqual(brief(), ['+KeyE:ê']);
});

test('an input method composes in peace and its text arrives once', () => {
  assert.equal(down('KeyN', 'Process', { keyCode: 229 }).defaultPrevented, false);
  down('KeyI', 'i', { isComposing: true });
  fire('input', { isComposing: true, inputType: 'insertCompositionText', data: 'に' });
  fire('compositionend', { data: '日本' });
  fire('input', { inputType: 'insertFromComposition', data: '日本' });
  assert.deepEqual(brief(), ['日本']);
});

test('a phone keyboard types, deletes and breaks lines', () => {
  assert.equal(down('', 'Unidentified', { keyCode: 229 }).defaultPrevented, false);
  fire('input', { inputType: 'insertText', data: 'h' });
  assert.equal(down('', 'i').defaultPrevented, false);
  fire('input', { inputType: 'insertText', data: 'i 👋' });
  fire('input', { inputType: 'deleteContentBackward', data: null });
  fire('input', { inputType: 'insertLineBreak', data: null });
  down('', 'Enter');
  assert.deepEqual(brief(), ['h', 'i 👋', '+Backspace:Backspace', '-Backspace:Backspace',
    '+Enter:Enter', '-Enter:Enter', '+Enter:Enter', '-Enter:Enter']);
  assert.ok(field.value.length > 0, 'nothing left that the next Backspace could delete');
});

test('a long dictation is cut into messages that the protocol allows, between characters', () => {
  const text = '👋'.repeat(2500);
  fire('input', { inputType: 'insertText', data: text });
  assert.equal(sent.map((m) => m.text).join(''), text);
  assert.ok(sent.length > 1);
  for (const { text: part } of sent) assert.ok(Buffer.byteLength(part) <= 4096 && !part.includes('\ufffd'));
});

test('the held Control of the key bar applies to the next character, once', () => {
  let done = 0;
  field.addEventListener('stickydone', () => {
    done += 1;
    keyboard.setSticky([]);
  });
  keyboard.setSticky(['ControlLeft']);
  fire('input', { inputType: 'insertText', data: 'c' });
  fire('input', { inputType: 'insertText', data: 'c' });
  assert.deepEqual(brief(), ['+ControlLeft:Control', '+KeyC:c', '-KeyC:c', '-ControlLeft:Control', 'c']);
  assert.equal(done, 1);
});

test('Command on macOS swallows key-ups, so they are made up for', () => {
  down('MetaLeft', 'Meta');
  down('KeyC', 'c');
  down('ShiftLeft', 'Shift');
  up('MetaLeft', 'Meta');
  assert.deepEqual(brief(), ['+MetaLeft:Meta', '+KeyC:c', '+ShiftLeft:Shift', '-MetaLeft:Meta', '-KeyC:c']);
});

test('losing the focus releases everything', () => {
  down('ShiftLeft', 'Shift');
  fire('blur');
  up('ShiftLeft', 'Shift');
  assert.deepEqual(brief(), ['+ShiftLeft:Shift', 'releaseKeys']);
});

test('Control+Alt+Shift alone opens the toolbar, with a letter it does not', () => {
  const all = { ctrlKey: true, altKey: true, shiftKey: true };
  down('ControlLeft', 'Control', { ctrlKey: true });
  down('AltLeft', 'Alt', { ctrlKey: true, altKey: true });
  down('ShiftLeft', 'Shift', all);
  down('KeyT', 'T', all);
  up('KeyT', 'T', all);
  up('ShiftLeft', 'Shift', { ctrlKey: true, altKey: true });
  assert.equal(menus, 0);
  down('ShiftLeft', 'Shift', all);
  up('ShiftLeft', 'Shift', { ctrlKey: true, altKey: true });
  assert.equal(menus, 1);
});

test('without a live session the keys stay with the browser', () => {
  keyboard.enabled = false;
  assert.equal(down('Tab', 'Tab').defaultPrevented, false);
  assert.deepEqual(brief(), []);
});
