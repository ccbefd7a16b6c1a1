/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passwords: Argon2id with 19 MiB, two passes, one lane, in the usual encoded form that carries its own
 * parameters. */
#ifndef ISTHMUS_IDENTITY_PASSWORD_H
#define ISTHMUS_IDENTITY_PASSWORD_H

#include <pthread.h>

#include "base/util.h"

#define PASSWORD_MAX 1024 /* bytes */

/* Lets few threads hash at a time and few more wait: logins can then neither take all memory and processors
 * nor block every worker thread of the process. */
struct password_gate {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    unsigned running, waiting;
    unsigned max_running, max_waiting;
};

int password_gate_init(struct password_gate *gate, unsigned max_running, unsigned max_waiting);
void password_gate_finish(struct password_gate *gate);
/* Blocks while others hash; -EBUSY at once when enough are waiting already. */
int password_gate_enter(struct password_gate *gate);
void password_gate_leave(struct password_gate *gate);

/* The caller frees *ret_encoded. -EINVAL for an empty or too long password. */
int password_hash(const char *password, char **ret_encoded);
/* 0 when it fits, -EACCES when not or when encoded is not a hash of ours. */
int password_verify(const char *encoded, const char *password);
/* Made with other parameters than password_hash uses today: to be made again at the next login. */
bool password_is_outdated(const char *encoded);

#endif
