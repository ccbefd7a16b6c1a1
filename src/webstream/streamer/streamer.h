/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streamer role: one process for one session, between its display and its viewers. */
#ifndef ISTHMUS_WEBSTREAM_STREAMER_STREAMER_H
#define ISTHMUS_WEBSTREAM_STREAMER_STREAMER_H

struct display_front_end;

/* front_ends are those that share the process (display/display_front_end.h), NULL-terminated. argv[0] is
 * "streamer". Under a session host: --control PATH --username NAME. Alone, for tests and measurements:
 * --standalone with --x11 PATH --xauthority FILE --display N --ws PORT --http PORT --key-file FILE --session
 * ID and optionally --fps, --compression,
 * --max-width, --max-height, --bind, --rfb. Returns the exit status: 0 the session has ended or the process
 * was asked to stop; 1 the display failed or could not be used; 2 usage. With ISTHMUS_READY_FD set it writes
 * "READY ws=PORT http=PORT" there when it serves. */
int streamer_main(int argc, char **argv, const struct display_front_end *const *front_ends);

#endif
