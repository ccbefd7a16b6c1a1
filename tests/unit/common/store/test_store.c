/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/secret.h"
#include "base/str.h"
#include "store/store.h"

static const struct store_migration migrations[] = {
    {1, "CREATE TABLE slots (id INTEGER NOT NULL PRIMARY KEY, owner TEXT UNIQUE);"
        "CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, slot INTEGER REFERENCES slots (id),"
        " size BIGINT NOT NULL CHECK (size >= 0), data TEXT)"},
    {2, "CREATE INDEX things_slot ON things (slot)"},
};

struct fixture {
    char dir[64];
    char url[128];
    struct store *store;
};

static void open_url(const char *url, struct store **ret_store)
{
    char *cause = NULL;
    int r = store_open(url, migrations, ARRAY_SIZE(migrations), ret_store, &cause);
    if (r < 0)
        fail_msg("%s", cause);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/isthmus-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->url, sizeof(f->url), "sqlite:%s/db", f->dir);
    open_url(f->url, &f->store);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, f->dir + strlen("/tmp/")), 0);
    close(tmp);
    free(f);
    return 0;
}

static struct store_txn *begin(struct store *store, bool write)
{
    struct store_txn *txn = NULL;
    assert_int_equal(store_begin(store, write, &txn), 0);
    return txn;
}

static int64_t number(struct store_txn *txn, const char *sql)
{
    cleanup_rows struct store_rows *rows = NULL;
    assert_int_equal(store_query_one(txn, &rows, sql, ""), 1);
    return store_int(rows, 0);
}

static void test_values_come_back(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = begin(f->store, true);
    const char text[] = "It's \"quoted\"; DROP TABLE things; -- \xc3\xa4";
    assert_int_equal(store_exec(txn, "INSERT INTO things (id, size, data) VALUES ($2, $1, $3)", "iss",
                                INT64_MAX, "a", text),
                     1);
    assert_int_equal(store_exec(txn, "INSERT INTO things (id, size, data) VALUES ($1, 0, $2)", "ss", "b",
                                (const char *)NULL),
                     1);
    assert_int_equal(
        store_exec(txn, "INSERT INTO things (id, size, data) VALUES ('c', 1, $1)", "b", "\0x", (size_t)2), 1);
    cleanup_rows struct store_rows *rows = NULL;
    assert_int_equal(store_query(txn, &rows, "SELECT size, data FROM things ORDER BY id", ""), 0);
    assert_int_equal(store_next(rows), 1);
    assert_true(store_int(rows, 0) == INT64_MAX);
    assert_string_equal(store_text(rows, 1), text);
    assert_int_equal(store_next(rows), 1);
    assert_null(store_text(rows, 1));
    assert_int_equal(store_int(rows, 1), 0);
    char small[4] = "xxx";
    assert_int_equal(store_copy(rows, 1, small, sizeof(small)), 0);
    assert_string_equal(small, "");
    assert_int_equal(store_next(rows), 1);
    size_t len = 0;
    assert_memory_equal(store_blob(rows, 1, &len), "\0x", 2);
    assert_int_equal(len, 2);
    assert_int_equal(store_next(rows), 0);
    rows = store_rows_free(rows);
    assert_int_equal(store_exec(txn, "DELETE FROM things", ""), 3);
    assert_int_equal(store_commit(txn), 0);
}

/* Twelve parameters: names of two digits, each in its own place, one used twice. */
static void test_many_parameters(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = begin(f->store, false);
    cleanup_rows struct store_rows *rows = NULL;
    assert_int_equal(store_query_one(txn, &rows,
                                     "SELECT $12, $11, $10, $9, $8, $7, $6, $5, $4, $3, $2, $1, $10",
                                     "iiiiiiiiiiii", INT64_C(1), INT64_C(2), INT64_C(3), INT64_C(4),
                                     INT64_C(5), INT64_C(6), INT64_C(7), INT64_C(8), INT64_C(9), INT64_C(10),
                                     INT64_C(11), INT64_C(12)),
                     1);
    for (int i = 0; i < 12; i++)
        assert_int_equal(store_int(rows, i), 12 - i);
    assert_int_equal(store_int(rows, 12), 10);
    rows = store_rows_free(rows);
    store_rollback(txn);
}

static void test_errors(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = begin(f->store, true);
    const char *slot = "INSERT INTO slots (id, owner) VALUES ($1, $2)";
    assert_int_equal(store_exec(txn, slot, "is", INT64_C(1), "a"), 1);
    assert_int_equal(store_exec(txn, slot, "is", INT64_C(1), "b"), -EEXIST);
    assert_int_equal(store_exec(txn, slot, "is", INT64_C(2), "a"), -EEXIST);
    assert_int_equal(store_exec(txn, "INSERT INTO things (id, slot, size) VALUES ('x', 9, 1)", ""), -ESTALE);
    assert_int_equal(store_exec(txn, "INSERT INTO things (id, size) VALUES ('x', -1)", ""), -ESTALE);
    assert_int_equal(
        store_exec(txn, "INSERT INTO slots (id, owner) VALUES (1, 'z') ON CONFLICT (id) DO NOTHING", ""), 0);
    assert_int_equal(store_exec(txn, "DELETE FROM slots WHERE id = 77", ""), 0);
    char text[STORE_ERROR_LEN];
    store_error(f->store, text);
    assert_string_equal(text, "");
    assert_int_equal(store_exec(txn, "DELETE FROM nowhere", ""), -EIO);
    store_error(f->store, text);
    assert_non_null(strstr(text, "nowhere"));
    assert_int_equal(store_exec(txn, slot, "i", INT64_C(3)), -EIO);           /* a parameter is missing */
    assert_int_equal(store_exec(txn, slot, "iss", INT64_C(3), "", ""), -EIO); /* or too many */
    assert_int_equal(store_exec(txn, slot, "ix", INT64_C(3), ""), -EINVAL);
    assert_int_equal(store_commit(txn), 0);
    txn = begin(f->store, false);
    assert_int_equal(number(txn, "SELECT COUNT(*) FROM slots"), 1); /* went on after the errors */
    assert_int_equal(store_exec(txn, slot, "is", INT64_C(5), "e"), -EPERM);
    store_rollback(txn);
    store_rollback(NULL);
    assert_int_equal(store_commit(NULL), -EINVAL);
}

static void test_rollback_and_reopen(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = begin(f->store, true);
    store_exec(txn, "INSERT INTO slots (id) VALUES (1)", "");
    store_rollback(txn);
    txn = begin(f->store, true);
    store_exec(txn, "INSERT INTO slots (id) VALUES (2)", "");
    assert_int_equal(store_commit(txn), 0);
    f->store = store_close(f->store);
    open_url(f->url, &f->store);
    txn = begin(f->store, false);
    assert_int_equal(number(txn, "SELECT SUM(id) FROM slots"), 2);
    store_rollback(txn);
}

/* A reader sees one state while a writer goes on beside it. */
static void test_reader_beside_writer(void **state)
{
    struct fixture *f = *state;
    struct store_txn *reader = begin(f->store, false);
    assert_int_equal(number(reader, "SELECT COUNT(*) FROM slots"), 0);
    struct store_txn *writer = begin(f->store, true);
    store_exec(writer, "INSERT INTO slots (id) VALUES (1)", "");
    assert_int_equal(store_commit(writer), 0);
    assert_int_equal(number(reader, "SELECT COUNT(*) FROM slots"), 0);
    store_rollback(reader);
    reader = begin(f->store, false);
    assert_int_equal(number(reader, "SELECT COUNT(*) FROM slots"), 1);
    store_rollback(reader);
}

#define THREADS 4
#define ROUNDS 25

struct racer {
    struct store *store;
    int wins;
    int id;
};

/* Takes the lowest free slot, as placement does: read, decide, write. */
static void *take_slots(void *arg)
{
    struct racer *racer = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct store_txn *txn = begin(racer->store, true);
        char owner[32];
        snprintf(owner, sizeof(owner), "%d-%d", racer->id, i);
        cleanup_rows struct store_rows *rows = NULL;
        assert_int_equal(store_query_one(txn, &rows, "SELECT MIN(id) FROM slots WHERE owner IS NULL", ""), 1);
        int64_t id = store_int(rows, 0);
        rows = store_rows_free(rows);
        if (id > 0) {
            assert_int_equal(store_exec(txn, "UPDATE slots SET owner = $1 WHERE id = $2 AND owner IS NULL",
                                        "si", owner, id),
                             1);
            racer->wins++;
        }
        assert_int_equal(store_commit(txn), 0);
    }
    return NULL;
}

static void race(struct store *store)
{
    pthread_t threads[THREADS];
    struct racer racers[THREADS] = {{0}};
    struct store_txn *txn = begin(store, true);
    for (int64_t i = 1; i <= THREADS * ROUNDS / 2; i++)
        assert_int_equal(store_exec(txn, "INSERT INTO slots (id) VALUES ($1)", "i", i), 1);
    assert_int_equal(store_commit(txn), 0);
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){store, 0, i};
        assert_int_equal(pthread_create(&threads[i], NULL, take_slots, &racers[i]), 0);
    }
    int wins = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        wins += racers[i].wins;
    }
    assert_int_equal(wins, THREADS * ROUNDS / 2); /* no slot twice, none lost */
    txn = begin(store, false);
    assert_int_equal(number(txn, "SELECT COUNT(DISTINCT owner) FROM slots"), wins);
    store_rollback(txn);
}

static void test_race_on_file(void **state)
{
    struct fixture *f = *state;
    race(f->store);
}

static void test_race_in_memory(void **state)
{
    struct store *store = NULL;
    (void)state;
    open_url("sqlite::memory:", &store);
    race(store);
    store_close(store);
}

/* What was acknowledged is there after kill -9, what was not is gone. */
static void test_killed_writer(void **state)
{
    struct fixture *f = *state;
    int pipe_fd[2];
    f->store = store_close(f->store);
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *store = NULL;
        open_url(f->url, &store);
        struct store_txn *txn = begin(store, true);
        store_exec(txn, "INSERT INTO slots (id) VALUES (1)", "");
        store_commit(txn);
        txn = begin(store, true);
        store_exec(txn, "INSERT INTO slots (id) VALUES (2)", "");
        assert_int_equal(write(pipe_fd[1], "x", 1), 1);
        for (;;)
            pause();
    }
    char byte;
    assert_int_equal(read(pipe_fd[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    open_url(f->url, &f->store);
    struct store_txn *txn = begin(f->store, true);
    assert_int_equal(number(txn, "SELECT SUM(id) FROM slots"), 1);
    store_rollback(txn);
}

static void insert_and_close(const char *url, int64_t id)
{
    struct store *store = NULL;
    open_url(url, &store);
    struct store_txn *txn = begin(store, true);
    assert_int_equal(store_exec(txn, "INSERT INTO slots (id) VALUES ($1)", "i", id), 1);
    assert_int_equal(store_commit(txn), 0);
    store_close(store);
}

/* A tool that opens and closes the database beside a running service: each sees what the other wrote, the
 * second time, too. */
static void test_other_process(void **state)
{
    struct fixture *f = *state;
    int go[2], done[2];
    char byte = 'x';
    f->store = store_close(f->store);
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (int64_t id = 1; id <= 2; id++) {
            if (read(go[0], &byte, 1) != 1)
                _exit(1);
            insert_and_close(f->url, id);
            if (write(done[1], &byte, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    open_url(f->url, &f->store);
    for (int64_t id = 1; id <= 2; id++) {
        assert_int_equal(write(go[1], &byte, 1), 1);
        assert_int_equal(read(done[0], &byte, 1), 1);
        struct store_txn *txn = begin(f->store, true);
        assert_int_equal(number(txn, "SELECT MAX(id) FROM slots"), id);
        assert_int_equal(store_exec(txn, "INSERT INTO slots (id) VALUES ($1)", "i", -id), 1);
        assert_int_equal(store_commit(txn), 0);
    }
    waitpid(pid, NULL, 0);
    close(go[0]);
    close(go[1]);
    close(done[0]);
    close(done[1]);
    f->store = store_close(f->store);
    open_url(f->url, &f->store);
    struct store_txn *txn = begin(f->store, true);
    assert_int_equal(number(txn, "SELECT COUNT(*) FROM slots"), 4);
    store_rollback(txn);
}

static void test_private_files(void **state)
{
    struct fixture *f = *state;
    const char *names[] = {"db", "db-wal", "db-shm"};
    struct store_txn *txn = begin(f->store, true);
    store_exec(txn, "INSERT INTO slots (id) VALUES (1)", "");
    store_commit(txn);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct stat st;
        cleanup_free char *path = xasprintf("%s/%s", f->dir, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void test_migrations(void **state)
{
    struct fixture *f = *state;
    char *cause = NULL;
    struct store *store = NULL;
    f->store = store_close(f->store);
    /* An older program finds version 2. */
    assert_int_equal(store_open(f->url, migrations, 1, &store, &cause), -EPROTO);
    assert_non_null(strstr(cause, "newer"));
    free(cause);
    cause = NULL;
    /* A newer one adds; a broken step leaves everything as it was. */
    struct store_migration more[] = {
        migrations[0], migrations[1], {3, "CREATE TABLE extra (id TEXT); BROKEN"}};
    assert_int_equal(store_open(f->url, more, 3, &store, &cause), -EIO);
    assert_non_null(strstr(cause, "BROKEN"));
    free(cause);
    more[2].sql = "CREATE TABLE extra (id TEXT)";
    assert_int_equal(store_open(f->url, more, 3, &f->store, NULL), 0);
    struct store_txn *txn = begin(f->store, false);
    assert_int_equal(number(txn, "SELECT COUNT(*) FROM extra"), 0);
    assert_int_equal(number(txn, "SELECT COUNT(*) FROM schema_version"), 3);
    store_rollback(txn);
}

static void *open_it(void *arg)
{
    struct store *store = NULL;
    open_url(arg, &store);
    return store;
}

static void test_first_start_of_several(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    char url[140];
    snprintf(url, sizeof(url), "%s2", f->url);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_it, url), 0);
    for (int i = 0; i < THREADS; i++) {
        void *store = NULL;
        pthread_join(threads[i], &store);
        assert_non_null(store);
        store_close(store);
    }
}

static void test_refused_databases(void **state)
{
    struct fixture *f = *state;
    struct store *store = NULL;
    char *cause = NULL;
    assert_int_equal(store_open("mysql:x", migrations, 2, &store, &cause), -EINVAL);
    free(cause);
    cause = NULL;
    assert_int_equal(store_open("sqlite:/nonexistent/dir/db", migrations, 2, &store, &cause), -EIO);
    assert_non_null(strstr(cause, "/nonexistent/dir/db"));
    free(cause);
    cause = NULL;
    char url[140];
    snprintf(url, sizeof(url), "%s3", f->url);
    assert_int_equal(
        file_write(AT_FDCWD, url + strlen("sqlite:"), "this is no database at all, is it?", 34, 0600), 0);
    assert_true(store_open(url, migrations, 2, &store, &cause) < 0);
    assert_non_null(cause);
    free(cause);
    assert_null(store_close(NULL));
}

static void test_product_schemas(void **state)
{
    struct store *store = NULL;
    char *cause = NULL;
    (void)state;
    if (store_open("sqlite::memory:", store_main_migrations, store_main_migration_count, &store, &cause) < 0)
        fail_msg("%s", cause);
    store_close(store);
    if (store_open("sqlite::memory:", store_host_migrations, store_host_migration_count, &store, &cause) < 0)
        fail_msg("%s", cause);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rollback_and_reopen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_beside_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_race_on_file, setup, teardown),
        cmocka_unit_test(test_race_in_memory),
        cmocka_unit_test_setup_teardown(test_killed_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_process, setup, teardown),
        cmocka_unit_test_setup_teardown(test_private_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_migrations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_start_of_several, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_databases, setup, teardown),
        cmocka_unit_test(test_product_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
