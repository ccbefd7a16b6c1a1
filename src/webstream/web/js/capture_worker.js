// SPDX-License-Identifier: GPL-3.0-or-later
// The capture engine in a worker: whatever a picture costs, typing and pointing go on in the page.

import { CaptureEngine } from './capture_engine.js';

let engine = null;

const commands = {
  start: ({ canvas }) => {
    engine = new CaptureEngine(canvas, (event) => postMessage(event));
  },
  open: ({ url, protocols, connection }) => engine.open(url, protocols, connection),
  close: () => engine.close(),
  hidden: ({ hidden }) => engine.setHidden(hidden),
  refresh: () => engine.refresh(),
};

addEventListener('message', (event) => commands[event.data.command]?.(event.data));
