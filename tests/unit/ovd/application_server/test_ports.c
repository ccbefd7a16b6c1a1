/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A host that comes back is where it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "ovd/application_server/aps_priv.h"

static const struct aps_port what = {"ovd.applicationServerPort", 8082, 82};

struct world {
    struct aps aps;
    char dir[64];
    unsigned taken[3]; /* somebody else's */
    int error;         /* instead of opening anything */
};

static int listen_at(void *arg, unsigned port, unsigned *ret_port)
{
    struct world *w = arg;
    if (w->error)
        return w->error;
    for (size_t i = 0; i < ARRAY_SIZE(w->taken); i++) {
        if (w->taken[i] == port)
            return -EADDRINUSE;
    }
    *ret_port = port;
    return 0;
}

static void set(struct world *w, const char *property, const char *value)
{
    assert_int_equal(config_set((struct config *)(uintptr_t)w->aps.s.config, property, value), 0);
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/isthmus-ports-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->aps.s.state_dir = w->dir;
    w->aps.s.config = config_new();
    set(w, "webstreamSettings.basePortNumber", "21000");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    cleanup_close int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(tree_remove(tmp, w->dir + strlen("/tmp/")), 0);
    config_free((struct config *)(uintptr_t)w->aps.s.config);
    free(w);
    return 0;
}

/* The port, or 0 and a sentence that names one. */
static unsigned opened(struct world *w)
{
    unsigned port = 0;
    cleanup_free char *cause = NULL;
    int r = aps_port_open(&w->aps, &what, listen_at, w, &port, &cause);
    assert_true((r == 0) == (cause == NULL));
    if (r < 0)
        assert_non_null(strstr(cause, "ovd.applicationServerPort"));
    return r == 0 ? port : 0;
}

static void test_it_stays(void **state)
{
    struct world *w = *state;
    w->taken[0] = 8082;
    assert_int_equal(opened(w), 21082);
    w->taken[0] = 0; /* the other one has gone: clients of ours have not */
    assert_int_equal(opened(w), 21082);
    w->taken[0] = 21082;
    assert_int_equal(opened(w), 8082);
    w->taken[0] = 0;
    assert_int_equal(opened(w), 8082);
}

static void test_none_is_left(void **state)
{
    struct world *w = *state;
    w->taken[0] = 8082;
    w->taken[1] = 21082;
    assert_int_equal(opened(w), 0);
    w->taken[1] = 0;
    w->error = -EACCES;
    assert_int_equal(opened(w), 0);
}

static void test_as_configured(void **state)
{
    struct world *w = *state;
    assert_int_equal(opened(w), 8082);
    set(w, "ovd.applicationServerPort", "4711");
    assert_int_equal(opened(w), 4711);
    w->taken[0] = 4711; /* and nowhere else */
    assert_int_equal(opened(w), 0);
    set(w, "ovd.applicationServerPort", "0");
    assert_int_equal(opened(w), 8082);
}

static void test_a_broken_pin(void **state)
{
    struct world *w = *state;
    static const char *const broken[] = {"", "0", "65536", "x", "8082\n", "123456789012345"};
    cleanup_free char *dir = xasprintf("%s/run", w->dir);
    cleanup_free char *path = xasprintf("%s/%s.port", dir, what.property);
    assert_int_equal(dir_make(dir, 0700), 0);
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        assert_int_equal(file_write(AT_FDCWD, path, broken[i], strlen(broken[i]), 0600), 0);
        assert_int_equal(opened(w), 8082);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_none_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_as_configured, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_broken_pin, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
