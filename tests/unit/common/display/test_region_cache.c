/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "display/region_cache.h"

static void test_least_recently_used(void **state)
{
    struct region_cache *c = region_cache_new(100);

    (void)state;
    region_cache_store(c, 1, 40);
    region_cache_store(c, 2, 40);
    assert_true(region_cache_use(c, 1));
    region_cache_store(c, 3, 40); /* 2 goes */
    assert_true(region_cache_use(c, 1));
    assert_false(region_cache_use(c, 2));
    assert_true(region_cache_use(c, 3));
    region_cache_store(c, 3, 20); /* replaced, not counted twice */
    assert_int_equal(region_cache_bytes(c), 60);
    region_cache_forget(c, 1);
    region_cache_forget(c, 1);
    assert_int_equal(region_cache_bytes(c), 20);
    region_cache_store(c, 4, 101); /* larger than everything */
    assert_false(region_cache_use(c, 4));
    assert_true(region_cache_use(c, 3));
    assert_null(region_cache_free(c));
    assert_null(region_cache_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_least_recently_used)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
