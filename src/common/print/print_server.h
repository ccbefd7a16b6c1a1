/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session's own CUPS: one printer, "PDF", whose jobs become documents of the session's spool. It needs no
 * root, listens on a Unix socket alone, and runs inside the sandbox as the session's account.
 *
 * cupsd costs nothing until somebody prints or looks for printers: the socket is ours, cupsd is started at
 * the first connection and takes the socket over (the protocol of systemd's socket activation); when it has
 * been idle for a while it leaves, and we listen again. */
#ifndef ISTHMUS_PRINT_PRINT_SERVER_H
#define ISTHMUS_PRINT_PRINT_SERVER_H

#include "loop/loop.h"

struct print_server;

struct print_server_options {
    struct loop *loop;
    const char *dir;   /* to be made; a short path in a directory of the account's */
    const char *spool; /* existing directory for the documents */
    int log_fd;        /* where cupsd writes its errors */
    /* cupsd was started and ended too often at once, and will not be started again: one sentence, lent. */
    void (*failed)(void *arg, const char *cause);
    void *arg;
};

/* -ENOENT: CUPS is not installed; -EEXIST: dir is there; -ENAMETOOLONG: dir does not fit into a socket's
 * address. Only writes some small files: fit for the way to a session's start. The process has to reap its
 * children by loop_child. */
int print_server_create(const struct print_server_options *options, struct print_server **ret_server);
/* cupsd, if it runs, is told to end. NULL-safe; returns NULL. */
struct print_server *print_server_destroy(struct print_server *server);
/* For CUPS_SERVER in the environment of applications. Lent. */
const char *print_server_socket(const struct print_server *server);

/* isthmus print-server CUPSD ARGUMENT…: becomes cupsd, which takes over the listening socket, its
 * descriptor 3. Only the process itself can write down for whom the descriptor is. */
int print_server_main(int argc, char **argv);

#endif
