// SPDX-License-Identifier: GPL-3.0-or-later
// Error codes and end reasons as sentences that say what happened and what to do next.

const errors = {
  network: 'The server does not answer. Check your network connection and try again.',
  login_failed: 'The user name or the password is wrong.',
  invalid_credentials: 'The user name or the password is wrong.',
  busy: 'Too many people are logging in right now. Try again in a moment.',
  login_busy: 'Too many people are logging in right now. Try again in a moment.',
  token_invalid: 'Your login has expired. Log in again.',
  token_expired: 'Your login has expired. Log in again.',
  pool_exhausted: 'All seats are taken at the moment. End a session that you no longer need, or try again in a few minutes.',
  user_limit: 'You have as many sessions open as you are allowed. End one of them, then try again.',
  no_host: 'No session host is in service at the moment. Try again in a minute; if this goes on, tell your administrator.',
  host_unreachable: 'The machine that runs this session does not answer. Your work there is untouched; try again in a minute.',
  display_failed: 'The session could not be started. Try again; if this happens twice, tell your administrator.',
  not_entitled: 'You are not allowed to open this workspace. Ask your administrator for access.',
  unknown_workspace: 'This workspace does not exist any more. Reload the page to see what is there.',
  unknown_session: 'This session does not exist any more. Start a new one.',
  session_ended: 'This session has ended. Start a new one.',
  revoked: 'Your access was withdrawn. Log in again, or ask your administrator.',
  unknown_document: 'This document is not there any more. Print it again.',
  session_taken: 'This session belongs to somebody else.',
  store_unavailable: 'The server cannot reach its database at the moment. Try again in a minute; if this goes on, tell your administrator.',
  not_connected: 'The session has no screen yet. Try again in a moment.',
  protocol: 'The picture of the session could not be understood. Reload the page; if this goes on, tell your administrator.',
  policy: 'The server closed the connection because too much was sent at once. You can connect again.',
  code_invalid: 'This link has been used or is too old. Start the session again where you came from, or ask for a new invitation.',
  guest_over: 'Your place in this session is no longer valid. Ask its owner for a new invitation.',
  guest_forbidden: 'Guests may not do this.',
  session_suspended: 'The session is suspended until its owner resumes it.',
  session_not_ready: 'The session is not ready yet.',
  not_shareable: 'Nobody may be invited to this session. Ask your administrator to allow it.',
  too_many_invitations: 'There are many invitations that nobody has used. Wait until some of them have expired.',
  bad_email: 'This is not an e-mail address. Leave the field empty to get the link only.',
  invite_off: 'Invitations are switched off on this server. Ask your administrator to allow them.',
  gave_up: 'The connection could not be restored. Your session may still be running; try again when the network is back.',
};

const byStatus = {
  401: 'token_invalid',
  403: 'not_entitled',
  404: 'unknown_session',
  410: 'session_ended',
  502: 'host_unreachable',
  504: 'host_unreachable',
};

// Codes come from outside: only what is written down above counts, not what every object inherits.
function word(table, code) {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}

export function waitText(seconds) {
  if (seconds < 90) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}

// A sentence for an ApiError, or for a bare code.
export function errorText(error) {
  const code = typeof error === 'string' ? error : error.code;
  if ((error.status === 429 && !word(errors, code)) || code === 'throttled') {
    const when = error.waitSeconds ? `in ${waitText(error.waitSeconds)}` : 'in a moment';
    return `Too many attempts. Try again ${when}.`;
  }
  const known = word(errors, code) ?? word(errors, byStatus[error.status]);
  if (known) return known;
  return `Something went wrong on the server (${code}). Try again; if this goes on, tell your administrator.`;
}

const endings = {
  exit: 'You closed the last window or logged out of the desktop.',
  logout: 'You logged out of the desktop.',
  kill: 'The session was ended from outside, by you in another window or by an administrator.',
  release: 'The session was ended.',
  released: 'The session was ended.',
  timeout: 'Its time was over, or nobody was connected for a long time, so the session was ended.',
  kma: 'Nobody was connected for a long time, so the session was ended.',
  ssh: 'Nobody connected to the session in time, so it was ended.',
  adminkill: 'The session was ended by an administrator.',
  error: 'The session stopped because of an error. Start it again; if this goes on, tell your administrator.',
  no_program: 'The program could not be started. Tell your administrator.',
  display_failed: 'The screen of the session failed, so the session was ended. Start it again; if this goes on, tell your administrator.',
  sandbox_failed: 'The session could not be closed off from others, so it was not started. Tell your administrator.',
  streamer_failed: 'The picture of the session could not be transmitted any more, so the session was ended. Start it again; if this goes on, tell your administrator.',
  abandoned: 'The session host was gone for too long, so the session was ended.',
  shutdown: 'The session host was shut down.',
};

export function endingText(reason) {
  return word(endings, reason) ?? 'The session is over.';
}
