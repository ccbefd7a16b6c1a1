/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two internal roles of a session. */
#ifndef ISTHMUS_POOL_KEEPER_H
#define ISTHMUS_POOL_KEEPER_H

/* isthmus keeper --dir STATE/slots/NN [--host-fd N] [--lock-fd N]
 *
 * One tiny process per session, without network and without a parser of foreign data: it owns the sandbox
 * (display and applications) and the streamer, outlives the session host, and is found again through
 * keeper.sock. */
int keeper_main(int argc, char **argv);

/* isthmus session-leader --report-fd N --auth FILE --geometry WxH --mode desktop|app
 *     [--print SPOOL] [-- PROGRAM ARGUMENT…]
 *
 * The first process inside the sandbox: starts the display server, the window manager and the application,
 * and says when the session is over. With --print applications find a printer whose documents land in SPOOL.
 * Reaps whatever is left to it; when it dies, everything in the sandbox dies. */
int session_leader_main(int argc, char **argv);

#endif
