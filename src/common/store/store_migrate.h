/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brings a database's schema up to the program's. */
#ifndef ISTHMUS_STORE_STORE_MIGRATE_H
#define ISTHMUS_STORE_STORE_MIGRATE_H

#include "store/store_priv.h"

/* Applies what is missing, each version in its own transaction. Several processes may do this at once.
 * -EPROTO: the database is newer than the program. */
int store_migrate(const struct store_ops *ops, struct store_conn *conn,
                  const struct store_migration *migrations, size_t count, char **ret_cause);

#endif
