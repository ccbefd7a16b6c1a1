/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ISTHMUS_POOL_KEEPER_PRIV_H
#define ISTHMUS_POOL_KEEPER_PRIV_H

#include "loop/loop.h"
#include "pool/account.h"
#include "pool/keeper_line.h"
#include "pool/order.h"

struct keeper_instance {
    char name[KEEPER_INSTANCE_LEN];
    int display; /* -1: being started */
};

struct keeper {
    struct loop *loop;
    char *dir;         /* STATE/slots/NN */
    char *session_dir; /* dir + "/session" */
    struct order order;
    struct account account;
    int exe_fd;
    int log_fd; /* standard error for children, write-only */

    /* keeper_link.c: the session host's end. */
    int listen_fd, host_fd;
    struct loop_poll *listen_poll, *host_poll;
    struct loop_timer *orphan_timer;

    /* keeper_sandbox.c */
    int leader_fd;
    struct loop_poll *leader_poll;
    pid_t sandbox_pid;
    struct loop_child *sandbox;
    struct loop_timer *start_timer;
    int display;

    /* keeper_instance.c */
    struct keeper_instance instances[KEEPER_INSTANCES_MAX];
    unsigned instance_count;

    /* keeper_streamer.c */
    pid_t streamer_pid;
    struct loop_child *streamer;
    struct loop_timer *streamer_timer;
    uint64_t streamer_died_ms;

    bool ending, sweeping;
    bool host_told; /* the host knows the end and has told the viewers */
    char reason[KEEPER_REASON_LEN];
    struct loop_timer *end_timer;
    int sweep_result;
};

/* Ends the session; the first reason stays. */
void keeper_end(struct keeper *k, const char *reason);
/* One of the parts that the end waits for is gone. */
void keeper_part_gone(struct keeper *k);

int keeper_link_open(struct keeper *k, int host_fd);
void keeper_link_close(struct keeper *k);
/* READY, STREAMER or ENDED, as things are. */
void keeper_link_tell(struct keeper *k, enum keeper_verb verb);
void keeper_link_send(struct keeper *k, const struct keeper_line *line);

int keeper_sandbox_start(struct keeper *k);
void keeper_sandbox_kill(struct keeper *k);
void keeper_sandbox_log_tail(const struct keeper *k);
/* display_files.h, when there is no sandbox. */
void keeper_sandbox_remove_files(const struct keeper *k, int display);
/* A line for the leader; passed_fd goes along when not negative. -EAGAIN, -EPIPE. */
int keeper_sandbox_tell(struct keeper *k, const struct keeper_line *line, int passed_fd);
void keeper_sandbox_close(struct keeper *k);
/* Argument vector of bubblewrap up to and without the leader's own; exe_fd and so on are the child's numbers.
 */
#define KEEPER_INSIDE_SPOOL "/run/isthmus/spool" /* printed documents, inside the sandbox */
#define KEEPER_CHILD_REPORT_FD 3
#define KEEPER_CHILD_EXE_FD 4
#define KEEPER_CHILD_AUTH_FD 5
#define KEEPER_CHILD_PASSWD_FD 6
#define KEEPER_CHILD_GROUP_FD 7
/* The vector and its strings are freed with cmdline_free. */
char **keeper_bwrap_argv(const struct keeper *k);
/* Environment of everything inside a session. Freed with cmdline_free. */
char **keeper_session_env(const struct keeper *k);
/* /etc/passwd and /etc/group as the session sees them: itself, root and nobody. */
char *keeper_passwd(const struct keeper *k);
char *keeper_group(const struct keeper *k);

/* The host's RUN, with its descriptor, and CLOSE. */
void keeper_instance_order(struct keeper *k, const struct keeper_line *line, int order_fd);
/* The leader's INSTANCE and GONE. */
void keeper_instance_heard(struct keeper *k, const struct keeper_line *line);
/* The host hears of all of them. */
void keeper_instance_repeat(struct keeper *k);

int keeper_streamer_open(struct keeper *k);
int keeper_streamer_start(struct keeper *k);
void keeper_streamer_stop(struct keeper *k);
void keeper_streamer_close(struct keeper *k);

#endif
