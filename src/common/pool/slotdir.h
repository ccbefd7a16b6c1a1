/* SPDX-License-Identifier: GPL-3.0-or-later */
/* STATE/slots/NN (docs/protocol/internal.md): who may enter what.
 *
 *     slots/NN/            root     0711
 *       home/              webs01   0700   the session's home
 *       session/           root     0710   group webs01, which webs01s has too: nobody else gets past it
 *         x11/             webs01   0770   (the display server widens it itself; session/ is the barrier)
 *         print/           webs01   0750   printed documents, for webs01s and root to read
 *         xauthority       root     0640   group webs01
 *         control.sock     webs01s  0600
 *         keeper.sock, order.json   root 0600
 *
 * In one-account mode everything belongs to the user and session/ and home/ are 0700. Blocking: workers. */
#ifndef ISTHMUS_POOL_SLOTDIR_H
#define ISTHMUS_POOL_SLOTDIR_H

#include "pool/account.h"

/* The longest path below a slot directory that has to fit into a socket address, with its slash. */
#define SLOTDIR_LONGEST "/session/control.sock"

/* home/ and session/ afresh; the home is a copy of the skeleton. */
int slotdir_build(const char *slot_dir, const char *skeleton, const struct account *account);
/* Removes session/ and home/ with everything in them. */
int slotdir_clean(const char *slot_dir);
/* A clean home from the skeleton without a session: the state of a free slot. */
int slotdir_build_home(const char *slot_dir, const char *skeleton, const struct account *account);

#endif
