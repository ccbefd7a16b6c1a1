/* SPDX-License-Identifier: GPL-3.0-or-later */
/* db/host.sqlite: the host's own memory of its sessions and of the changes that the control plane has not
 * confirmed.
 *
 * Writes are small, but a disk can stall for seconds, and the loop also serves health checks and streamers:
 * so they are queued and written by one worker at a time, in order, all that is waiting in one transaction. A
 * change is given to the control plane only after it is on disk, and whoever has promised something waits
 * until it is. A crash can lose the last few other writes; the keepers then still say which sessions live. */
#ifndef ISTHMUS_HOST_HOST_JOURNAL_H
#define ISTHMUS_HOST_HOST_JOURNAL_H

#include "base/secret.h"
#include "loop/loop.h"
#include "json/json.h"

struct host_journal;

struct host_journal_session {
    char session_id[SECRET_ID_LEN];
    unsigned slot;
    int status;
    char reason[33];
    bool ever_seen, persistent;
    int64_t sequence; /* of its last change */
    int64_t changed;  /* Unix seconds */
};

typedef void (*host_journal_found)(void *arg, const struct host_journal_session *session, const char *order,
                                   const char *note);

/* Reads what is there (blocking, before the loop runs): found is called for each session that is known, with
 * its order and note as they were written, "" for none; both live during the call.
 * ret_cause is a sentence, the caller frees. written is called after each write that brought new changes. */
int host_journal_open(struct loop *loop, const char *state_dir, host_journal_found found,
                      void (*written)(void *arg), void *arg, struct host_journal **ret_journal,
                      char **ret_cause);
/* Writes what is still waiting. NULL-safe; returns NULL. */
struct host_journal *host_journal_close(struct host_journal *journal);

/* The session as it is now; change: its status is new, and a report with the next sequence number is due,
 * which is also written into session->sequence. order and note are texts that are kept with it (UTF-8, in
 * practice JSON), copied; NULL leaves what is there. */
void host_journal_put(struct host_journal *journal, struct host_journal_session *session, bool change,
                      const char *order, const char *note);
void host_journal_forget(struct host_journal *journal, const char *session_id);
/* Calls fn once, now or later: with 0 when all that was put so far is on disk, with an error when that cannot
 * be written (it is tried again nevertheless). */
void host_journal_wait(struct host_journal *journal, void (*fn)(void *arg, int result), void *arg);
/* Whoever waits is told this result now. Before host_journal_close. */
void host_journal_dismiss(struct host_journal *journal, int result);
/* Reports on disk that are not acknowledged: [{sessionId, sequence, status, reason, time}], the oldest first.
 */
json_t *host_journal_changes(struct host_journal *journal, size_t max);
void host_journal_acknowledge(struct host_journal *journal, int64_t sequence);
bool host_journal_has_changes(const struct host_journal *journal);
/* Whether the last write worked. */
bool host_journal_healthy(const struct host_journal *journal);

#endif
