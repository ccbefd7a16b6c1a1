/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The accounts that sessions run as, and how to be sure that nothing of them runs any more. Blocking: workers
 * only, or before the loop runs. */
#ifndef ISTHMUS_POOL_ACCOUNT_H
#define ISTHMUS_POOL_ACCOUNT_H

#include "base/util.h"

#define ACCOUNT_NAME_LEN 32
#define ACCOUNT_LOCKS "/run/isthmus/accounts"
/* In the environment of everything that belongs to a session: in one-account mode the uid does not tell. */
#define ACCOUNT_MARKER "ISTHMUS_SLOT_DIR"

struct account {
    char name[ACCOUNT_NAME_LEN];          /* "webs01": what the session calls itself */
    char streamer_name[ACCOUNT_NAME_LEN]; /* "webs01s"; "" in one-account mode */
    uid_t uid, streamer_uid;
    gid_t gid;   /* group of both */
    bool shared; /* one-account mode: uid is this process's own */
    int lock_fd; /* -1 in one-account mode; holds the claim */
};

/* Letters that a base name may have; at most 20 of them. */
bool account_base_valid(const char *base);

/* As root: the first of BASE01, BASE02 … that nobody has locked, the wanted number before the others; it and
 * its streamer's account are made when absent. As an ordinary user: BASE and the wanted number as a mere
 * name. A name that belongs to a person (a login shell, uid 0) is refused: -EPERM with a sentence the caller
 * frees. */
int account_claim(const char *base, unsigned wanted, struct account *ret_account, char **ret_cause);
/* The same for one existing account by name, to clean up after it: -EWOULDBLOCK when somebody else claims it
 * by now, -ENOENT. */
int account_claim_name(const char *name, struct account *ret_account);
/* Looks a claimed account up again: name and lock come from a keeper that kept both. lock_fd is taken over on
 * success. */
int account_adopt(const char *name, int lock_fd, struct account *ret_account);
/* Gives the claim back. */
void account_release(struct account *account);

/* Kills every process of the account and of its streamer's until none is left: by uid, or in one-account mode
 * those whose environment has ACCOUNT_MARKER=slot_dir. -ETIMEDOUT when some are still there after 10 s. */
int account_kill(const struct account *account, const char *slot_dir);

/* Whether the account may pass through every directory of path; else -EACCES, and the first that it may not
 * enter in ret_dir (the caller frees). */
int account_can_enter(const struct account *account, const char *path, char **ret_dir);

#endif
