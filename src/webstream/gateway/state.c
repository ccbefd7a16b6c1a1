/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the gateway keeps: keys and the main store, and the two modules that decide over it. */
#include <fcntl.h>

#include "base/file.h"
#include "webstream/gateway/gateway_priv.h"

static int make_directories(const struct gateway *g, char **ret_cause)
{
    static const struct {
        const char *name;
        mode_t mode;
    } dirs[] = {{"", 0711}, {"/secrets", 0700}, {"/secrets/tls", 0700}, {"/db", 0700}};
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        cleanup_free char *path = xasprintf("%s%s", g->state_dir, dirs[i].name);
        int r = dir_make(path, dirs[i].mode);
        if (r < 0) {
            *ret_cause = xasprintf("cannot make the directory %s: %s", path, strerror(-r));
            return r;
        }
    }
    return 0;
}

static int load_key(const char *path, uint8_t ret_key[32], char **ret_cause)
{
    int r = secret_load_key(path, ret_key);
    if (r < 0)
        *ret_cause = xasprintf("cannot read or make the key %s: %s", path, strerror(-r));
    return r;
}

static int open_identity(struct gateway *g, char **ret_cause)
{
    struct identity_options options = {.store = g->store,
                                       .token_lifetime_s = config_int(g->config, "isthmus.tokenLifetimeS")};
    cleanup_free char *path = xasprintf("%s/secrets/token.key", g->state_dir);
    int r = load_key(path, options.token_key, ret_cause);
    if (r == 0) {
        r = identity_create(&options, &g->identity);
        if (r == 0)
            r = identity_revoked_since(g->identity, &g->revocations_seen, NULL, NULL);
        if (r < 0)
            *ret_cause = xasprintf("cannot open the users and rights: %s", strerror(-r));
    }
    secret_wipe(&options, sizeof(options));
    return r;
}

/* A gateway started alone on an empty database makes the first user too. Nobody is watching its output, so
 * the password goes into a file that only the operator reads, never into the log. */
static int seed(struct gateway *g, char **ret_cause)
{
    char *password = NULL;
    int r = identity_seed(g->identity, &password);
    if (r < 0) {
        *ret_cause = xasprintf("cannot make the first user: %s", strerror(-r));
        return r;
    }
    if (!password)
        return 0;
    cleanup_free char *path = xasprintf("%s/secrets/first-password", g->state_dir);
    cleanup_free char *text = xasprintf("%s\n", password);
    r = file_write(AT_FDCWD, path, text, strlen(text), 0600);
    secret_wipe(text, strlen(text));
    secret_wipe(password, strlen(password));
    free(password);
    if (r < 0)
        *ret_cause = xasprintf("cannot write %s: %s", path, strerror(-r));
    else
        log_info("made the first user admin, whose password is in %s", path);
    return r;
}

static int open_broker(struct gateway *g, char **ret_cause)
{
    /* Four missed heartbeats and a little more. */
    int64_t interval = config_int(g->config, "gateway.backend.heartbeatInterval");
    struct session_broker_options options = {
        .store = g->store,
        .strategy = config_str(g->config, "gateway.loadBalancing.strategy"),
        .heartbeat_expiry_s = 4 * interval + 5,
        .affinity_s = config_int(g->config, "gateway.loadBalancing.sessionAffinityTimeout"),
    };
    int r = session_broker_create(&options, &g->broker);
    if (r < 0)
        *ret_cause = xasprintf("cannot open the sessions: %s", strerror(-r));
    return r;
}

int gateway_state_open(struct gateway *g, char **ret_cause)
{
    int r = make_directories(g, ret_cause);
    if (r < 0)
        return r;
    const char *secret = config_str(g->config, "gateway.sharedSecretFile");
    cleanup_free char *key_path =
        *secret ? xstrdup(secret) : xasprintf("%s/secrets/shared.key", g->state_dir);
    r = load_key(key_path, g->shared_key, ret_cause);
    if (r < 0)
        return r;
    const char *configured = config_str(g->config, "isthmus.store");
    cleanup_free char *url =
        *configured ? xstrdup(configured) : xasprintf("sqlite:%s/db/main.sqlite", g->state_dir);
    r = store_open(url, store_main_migrations, store_main_migration_count, &g->store, ret_cause);
    if (r == 0)
        r = open_identity(g, ret_cause);
    if (r == 0)
        r = seed(g, ret_cause);
    if (r == 0)
        r = open_broker(g, ret_cause);
    return r;
}

void gateway_state_close(struct gateway *g)
{
    g->broker = session_broker_destroy(g->broker);
    g->identity = identity_destroy(g->identity);
    g->store = store_close(g->store);
    secret_wipe(g->shared_key, sizeof(g->shared_key));
}

bool gateway_state_works(struct gateway *g)
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    if (store_begin(g->store, false, &txn) < 0)
        return false;
    int r = store_query(txn, &rows, "SELECT COUNT(*) FROM hosts", "");
    if (r >= 0)
        r = store_next(rows);
    store_rows_free(rows);
    store_rollback(txn);
    return r > 0;
}
