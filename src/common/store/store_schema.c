/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The schemas. A version that has been released is never edited: a change is a new version at the end. */
#include "store/migrations/guests_sql.h"
#include "store/migrations/host_sql.h"
#include "store/migrations/identity_sql.h"
#include "store/migrations/ovd_sql.h"
#include "store/migrations/sessions_sql.h"
#include "store/store.h"

const struct store_migration store_main_migrations[] = {
    {1, STORE_IDENTITY_SQL STORE_SESSIONS_SQL},
    {2, STORE_OVD_SQL},
    {3, STORE_GUESTS_SQL},
};
const size_t store_main_migration_count = ARRAY_SIZE(store_main_migrations);

const struct store_migration store_host_migrations[] = {
    {1, STORE_HOST_SQL},
    {2, STORE_HOST_ORDER_SQL},
};
const size_t store_host_migration_count = ARRAY_SIZE(store_host_migrations);
