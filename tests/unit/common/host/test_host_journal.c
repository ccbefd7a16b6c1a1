/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "host/host_journal.h"
#include "store/store.h"

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "1123456789abcdef0123456789abcdef"

struct world {
    char state[64];
    struct loop *loop;
    struct host_journal *journal;
    struct host_journal_session found[4];
    char order[4][64], note[4][64];
    unsigned found_count;
    unsigned written;
};

static void on_found(void *arg, const struct host_journal_session *session, const char *order,
                     const char *note)
{
    struct world *w = arg;
    assert_true(w->found_count < 4);
    assert_int_equal(str_copy(w->order[w->found_count], sizeof w->order[0], order), 0);
    assert_int_equal(str_copy(w->note[w->found_count], sizeof w->note[0], note), 0);
    w->found[w->found_count++] = *session;
}

static void on_written(void *arg)
{
    struct world *w = arg;
    w->written++;
    loop_stop(w->loop);
}

static void open_journal(struct world *w)
{
    char *cause = NULL;
    w->found_count = 0;
    if (host_journal_open(w->loop, w->state, on_found, on_written, w, &w->journal, &cause) < 0)
        fail_msg("%s", cause);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    (void)snprintf(w->state, sizeof w->state, "/tmp/isthmus-journal-XXXXXX");
    assert_non_null(mkdtemp(w->state));
    assert_int_equal(loop_create(&w->loop), 0);
    open_journal(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    host_journal_close(w->journal);
    loop_destroy(w->loop);
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, strrchr(w->state, '/') + 1), 0);
    free(w);
    return 0;
}

static struct host_journal_session session(const char *id, int status)
{
    struct host_journal_session s = {.slot = 1, .status = status, .persistent = true};
    (void)str_copy(s.session_id, sizeof s.session_id, id);
    return s;
}

static void put(struct world *w, struct host_journal_session *s)
{
    unsigned before = w->written;
    host_journal_put(w->journal, s, true, NULL, NULL);
    while (w->written == before)
        loop_run(w->loop);
}

static int64_t sequence_of(const json_t *changes, size_t index)
{
    return json_integer_value(json_object_get(json_array_get(changes, index), "sequence"));
}

static void test_changes_wait_for_acknowledgement(void **state)
{
    struct world *w = *state;
    struct host_journal_session a = session(ID_A, 0);
    assert_false(host_journal_has_changes(w->journal));
    put(w, &a);
    int64_t first = a.sequence;
    a.status = 2;
    put(w, &a);
    assert_int_equal(a.sequence, first + 1);
    cleanup_json json_t *changes = host_journal_changes(w->journal, 10);
    assert_int_equal(json_array_size(changes), 2);
    assert_int_equal(sequence_of(changes, 0), first);
    assert_int_equal(sequence_of(changes, 1), first + 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(changes, 1), "sessionId")), ID_A);
    cleanup_json json_t *one = host_journal_changes(w->journal, 1);
    assert_int_equal(json_array_size(one), 1);
    host_journal_acknowledge(w->journal, first);
    cleanup_json json_t *rest = host_journal_changes(w->journal, 10);
    assert_int_equal(json_array_size(rest), 1);
    host_journal_acknowledge(w->journal, first + 1);
    assert_false(host_journal_has_changes(w->journal));
}

/* What was not acknowledged is said again after a restart, and numbers never go back. */
static void test_survives_a_restart(void **state)
{
    struct world *w = *state;
    struct host_journal_session a = session(ID_A, 2), b = session(ID_B, 4);
    (void)str_copy(b.reason, sizeof b.reason, "exit");
    put(w, &a);
    put(w, &b);
    host_journal_acknowledge(w->journal, a.sequence);
    a.ever_seen = true;
    host_journal_put(w->journal, &a, false, NULL, NULL);
    host_journal_close(w->journal); /* still waiting writes go to the disk */
    loop_destroy(w->loop);
    assert_int_equal(loop_create(&w->loop), 0);
    open_journal(w);
    assert_int_equal(w->found_count, 2);
    const struct host_journal_session *found_a =
        str_eq(w->found[0].session_id, ID_A) ? &w->found[0] : &w->found[1];
    assert_true(found_a->ever_seen && found_a->persistent);
    assert_int_equal(found_a->status, 2);
    assert_int_equal(found_a->slot, 1);
    cleanup_json json_t *changes = host_journal_changes(w->journal, 10);
    assert_int_equal(json_array_size(changes), 1);
    assert_int_equal(sequence_of(changes, 0), b.sequence);
    assert_string_equal(json_string_value(json_object_get(json_array_get(changes, 0), "reason")), "exit");
    put(w, &a);
    assert_true(a.sequence > b.sequence);
}

static void test_forgets(void **state)
{
    struct world *w = *state;
    struct host_journal_session a = session(ID_A, 4), b = session(ID_B, 2);
    put(w, &a);
    put(w, &b);
    host_journal_forget(w->journal, ID_A);
    host_journal_close(w->journal);
    loop_destroy(w->loop);
    assert_int_equal(loop_create(&w->loop), 0);
    open_journal(w);
    assert_int_equal(w->found_count, 1);
    assert_string_equal(w->found[0].session_id, ID_B);
}

static void restart(struct world *w)
{
    host_journal_close(w->journal);
    loop_destroy(w->loop);
    assert_int_equal(loop_create(&w->loop), 0);
    open_journal(w);
}

/* Order and note stay when the status changes, each by itself; of several that wait, the last one counts. */
static void test_texts(void **state)
{
    struct world *w = *state;
    struct host_journal_session a = session(ID_A, 0), b = session(ID_B, 0);
    host_journal_put(w->journal, &a, true, "{\"order\":1}", NULL);
    for (int i = 0; i < 100; i++) {
        cleanup_free char *note = xasprintf("{\"note\":%d}", i);
        host_journal_put(w->journal, &a, false, NULL, note);
        host_journal_put(w->journal, &b, i % 10 == 0, NULL, i == 50 ? "other" : NULL);
    }
    a.status = 2;
    put(w, &a);
    host_journal_put(w->journal, &b, false, "order", NULL);
    restart(w);
    assert_int_equal(w->found_count, 2);
    size_t at = str_eq(w->found[0].session_id, ID_A) ? 0 : 1;
    assert_int_equal(w->found[at].status, 2);
    assert_string_equal(w->order[at], "{\"order\":1}");
    assert_string_equal(w->note[at], "{\"note\":99}");
    assert_string_equal(w->order[1 - at], "order");
    assert_string_equal(w->note[1 - at], "other");
}

/* A journal of the first version, with what it had: nothing is lost, and there was no order then. */
static void test_first_version(void **state)
{
    struct world *w = *state;
    char *cause = NULL;
    struct store *store;
    struct store_txn *txn;
    host_journal_close(w->journal);
    loop_destroy(w->loop);
    cleanup_free char *path = xasprintf("%s/db/host.sqlite", w->state);
    cleanup_free char *url = xasprintf("sqlite:%s", path);
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        cleanup_free char *file = xasprintf("%s%s", path, suffixes[i]);
        (void)unlink(file);
    }
    assert_int_equal(store_open(url, store_host_migrations, 1, &store, &cause), 0);
    assert_int_equal(store_begin(store, true, &txn), 0);
    assert_int_equal(
        store_exec(txn,
                   "INSERT INTO sessions (session_id, slot, status, reason, ever_seen, persistent, "
                   "sequence, changed) VALUES ($1, 3, 10, '', 1, 1, 77, 1700000000)",
                   "s", ID_A),
        1);
    assert_int_equal(store_commit(txn), 0);
    store_close(store);
    assert_int_equal(loop_create(&w->loop), 0);
    open_journal(w);
    assert_int_equal(w->found_count, 1);
    assert_int_equal(w->found[0].slot, 3);
    assert_int_equal(w->found[0].status, 10);
    assert_string_equal(w->order[0], "");
    assert_string_equal(w->note[0], "");
    host_journal_put(w->journal, &w->found[0], true, "{}", NULL);
    restart(w);
    assert_string_equal(w->order[0], "{}");
}

struct promise {
    struct world *world;
    int result;
    unsigned told;
};

static void on_kept(void *arg, int result)
{
    struct promise *promise = arg;
    promise->result = result;
    promise->told++;
    loop_stop(promise->world->loop);
}

static void await(struct promise *promise, unsigned told)
{
    while (promise->told < told)
        loop_run(promise->world->loop);
    assert_int_equal(promise->told, told);
}

/* Another connection, as another process has one. */
static int64_t ask(const struct world *w, const char *sql, bool writes)
{
    char *cause = NULL;
    struct store *store;
    struct store_txn *txn;
    struct store_rows *rows;
    int64_t number = 0;
    cleanup_free char *url = xasprintf("sqlite:%s/db/host.sqlite", w->state);
    assert_int_equal(store_open(url, store_host_migrations, store_host_migration_count, &store, &cause), 0);
    assert_int_equal(store_begin(store, writes, &txn), 0);
    if (writes) {
        assert_in_range(store_exec(txn, sql, ""), 0, INT32_MAX);
    } else {
        assert_int_equal(store_query(txn, &rows, sql, ""), 0);
        assert_int_equal(store_next(rows), 1);
        number = store_int(rows, 0);
        store_rows_free(rows);
    }
    assert_int_equal(store_commit(txn), 0);
    store_close(store);
    return number;
}

/* Who waits is told once, and then it is on disk; what comes later is waited for by itself. */
static void test_waits_for_the_disk(void **state)
{
    struct world *w = *state;
    struct promise first = {.world = w, .result = 1}, second = first, third = first;
    struct host_journal_session a = session(ID_A, 0), b = session(ID_B, 0);
    host_journal_wait(w->journal, on_kept, &first);
    assert_int_equal(first.told, 1); /* nothing to wait for */
    host_journal_put(w->journal, &a, false, "{}", "{}");
    host_journal_wait(w->journal, on_kept, &first);
    host_journal_put(w->journal, &b, false, "{}", NULL);
    host_journal_wait(w->journal, on_kept, &second);
    assert_int_equal(first.told + second.told, 1);
    await(&first, 2);
    assert_int_equal(first.result, 0);
    assert_int_equal(ask(w, "SELECT count(*) FROM sessions WHERE session_id = '" ID_A "'", false), 1);
    await(&second, 1);
    assert_int_equal(ask(w, "SELECT count(*) FROM sessions", false), 2);
    host_journal_put(w->journal, &b, false, NULL, "{}");
    host_journal_wait(w->journal, on_kept, &third);
    host_journal_dismiss(w->journal, -EBUSY);
    assert_int_equal(third.told, 1);
    assert_int_equal(third.result, -EBUSY);
}

/* Nobody waits for a disk that takes nothing; what it was told is there once it does. */
static void test_waits_for_no_broken_disk(void **state)
{
    struct world *w = *state;
    struct promise promise = {.world = w};
    struct host_journal_session a = session(ID_A, 0);
    (void)ask(w, "ALTER TABLE sessions RENAME TO elsewhere", true);
    host_journal_put(w->journal, &a, false, "{}", NULL);
    host_journal_wait(w->journal, on_kept, &promise);
    await(&promise, 1);
    assert_true(promise.result < 0);
    assert_false(host_journal_healthy(w->journal));
    (void)ask(w, "ALTER TABLE elsewhere RENAME TO sessions", true);
    host_journal_wait(w->journal, on_kept, &promise);
    await(&promise, 2);
    assert_int_equal(promise.result, 0);
    assert_true(host_journal_healthy(w->journal));
    assert_int_equal(ask(w, "SELECT count(*) FROM sessions", false), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_changes_wait_for_acknowledgement, setup, teardown),
        cmocka_unit_test_setup_teardown(test_survives_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_for_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_for_no_broken_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
