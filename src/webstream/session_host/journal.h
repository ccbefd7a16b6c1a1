/* SPDX-License-Identifier: GPL-3.0-or-later */
/* db/host.sqlite: the host's own memory of its sessions and of the changes that the control plane has not
 * confirmed.
 *
 * Writes are small, but a disk can stall for seconds, and the loop also serves health checks and streamers:
 * so they are queued and written by one worker at a time, in order, all that is waiting in one transaction. A
 * change is given to the control plane only after it is on disk. A crash can lose the last few writes; the
 * keepers then still say which sessions live. */
#ifndef ISTHMUS_WEBSTREAM_SESSION_HOST_JOURNAL_H
#define ISTHMUS_WEBSTREAM_SESSION_HOST_JOURNAL_H

#include "base/secret.h"
#include "loop/loop.h"
#include "json/json.h"

struct journal;

struct journal_session {
    char session_id[SECRET_ID_LEN];
    unsigned slot;
    int status;
    char reason[33];
    bool ever_seen, persistent;
    int64_t sequence; /* of its last change */
    int64_t changed;  /* Unix seconds */
};

/* Reads what is there (blocking, before the loop runs): found is called for each session that is known.
 * ret_cause is a sentence, the caller frees. written is called after each write that brought new changes. */
int journal_open(struct loop *loop, const char *state_dir,
                 void (*found)(void *arg, const struct journal_session *session), void (*written)(void *arg),
                 void *arg, struct journal **ret_journal, char **ret_cause);
/* Writes what is still waiting. NULL-safe; returns NULL. */
struct journal *journal_close(struct journal *journal);

/* The session as it is now; change: its status is new, and a report with the next sequence number is due,
 * which is also written into session->sequence. */
void journal_put(struct journal *journal, struct journal_session *session, bool change);
void journal_forget(struct journal *journal, const char *session_id);
/* Reports on disk that are not acknowledged: [{sessionId, sequence, status, reason, time}], the oldest first.
 */
json_t *journal_changes(struct journal *journal, size_t max);
void journal_acknowledge(struct journal *journal, int64_t sequence);
bool journal_has_changes(const struct journal *journal);
/* Whether the last write worked. */
bool journal_healthy(const struct journal *journal);

#endif
