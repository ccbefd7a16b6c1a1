/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libvncserver in several threads: there is an engine for each display of a session. Its encoders keep
 * everything with the client, but it makes its one lock for the lists of clients anew with every screen,
 * whoever holds it just then. So nobody else is inside it while a peer is made. */
#ifndef ISTHMUS_OVD_DISPLAY_RFB_LIBRARY_PRIV_H
#define ISTHMUS_OVD_DISPLAY_RFB_LIBRARY_PRIV_H

/* On an engine's thread, never the loop's: who is inside may be waiting for the loop to take what it writes.
 * Left after each client's message or update. */
void rfb_library_enter(void);
void rfb_library_enter_alone(void); /* to make a peer */
void rfb_library_leave(void);

/* Ends the library's talk to stderr. Any thread. */
void rfb_library_silence(void);

#endif
