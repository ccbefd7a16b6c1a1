/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Slows down guessing of passwords: counters per user name and per address prefix, in the store, so that
 * every gateway and both front-ends count together.
 *
 * From the 5th failure of a user, or the 20th of an address (offices share one), each failure starts a wait:
 * 1 s, doubled by each further one, at most 300 s. A quarter of an hour without a failure forgets all of it.
 * Waiting attempts are refused without a look at the password and do not count.
 *
 * Somebody who only wants to lock a user out must not succeed: from a place (user and address prefix) with a
 * login in the last 30 days, failures are counted apart from those that strangers make. */
#ifndef ISTHMUS_IDENTITY_THROTTLE_H
#define ISTHMUS_IDENTITY_THROTTLE_H

#include "store/store.h"

#define THROTTLE_USER_LIMIT 5
#define THROTTLE_ADDRESS_LIMIT 20
#define THROTTLE_WAIT_MAX_S 300
#define THROTTLE_FORGET_S 900
#define THROTTLE_PLACE_S (30 * 86400)

#define THROTTLE_SUBJECT_LEN 130

/* Whom one attempt is charged to. */
struct throttle {
    char user[THROTTLE_SUBJECT_LEN];
    char address[THROTTLE_SUBJECT_LEN];
    char place[THROTTLE_SUBJECT_LEN];
};

/* username is lower case; peer an address as text. Counts the attempt as a failure before the password is
 * looked at: attempts made at the same time then cannot outrun the counter. 0, or -EAGAIN and how long to
 * wait. */
int throttle_charge(struct store_txn *txn, int64_t now, const char *username, const char *peer,
                    struct throttle *ret_throttle, unsigned *ret_wait_s);
/* The attempt was right: the user's counter is forgotten, the address gets its charge back, the place is
 * known. */
int throttle_clear(struct store_txn *txn, int64_t now, const struct throttle *throttle);
/* The attempt was not decided: both get the charge back. */
int throttle_refund(struct store_txn *txn, const struct throttle *throttle);
/* A new password: nothing that was counted for the user holds any longer. */
int throttle_forget_user(struct store_txn *txn, const char *username);

#endif
