// SPDX-License-Identifier: GPL-3.0-or-later
// How long to wait before the next attempt: doubling from about half a second to ten, with jitter, so that the pages
// of a whole office do not come back in the same instant.

const SHORTEST_MS = 500;
const FIRST_MS = 800;
const LONGEST_MS = 10000;

export function delayAfter(attempt, random = Math.random) {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.max(SHORTEST_MS, Math.round(full * (0.6 + 0.4 * random())));
}
