// SPDX-License-Identifier: GPL-3.0-or-later
// The state directory of an instance: made, locked, seeded; and the configuration that its roles get.
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/secret.h"
#include "base/str.h"
#include "identity/identity.h"
#include "isthmus/all_priv.h"
#include "isthmus/isthmus_priv.h"
#include "store/store.h"
#include "json/json.h"

#define STATUS_FILE_MAX 65536

/* Whether the directory is absent, empty, or was made by this program: nobody's other directory gets our
 * modes and files. */
static bool is_ours(const char *state)
{
    DIR *dir = opendir(state);
    if (!dir)
        return errno == ENOENT;
    bool empty = true;
    for (const struct dirent *entry; empty && (entry = readdir(dir));)
        empty = str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..");
    bool known = faccessat(dirfd(dir), "secrets", F_OK, 0) == 0 ||
                 faccessat(dirfd(dir), "app.config.xml", F_OK, 0) == 0;
    closedir(dir);
    return empty || known;
}

static int make_directories(const char *state)
{
    // 0711: the accounts of the sessions pass through to their slots and see nothing else.
    static const struct {
        const char *name;
        mode_t mode;
    } parts[] = {{"", 0711}, {"/secrets", 0700}, {"/db", 0700}, {"/run", 0700}, {"/log", 0700}};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        cleanup_free char *path = xasprintf("%s%s", state, parts[i].name);
        int err = dir_make(path, i == 0 ? 0711 : parts[i].mode);
        if (err != 0)
            return err;
        // A directory that was there keeps its mode in dir_make; these must not be wider, whoever made them.
        if (chmod(path, parts[i].mode) != 0)
            return -errno;
    }
    return 0;
}

static int make_secrets(const char *state)
{
    static const char *const names[] = {"shared.key", "token.key"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_free char *path = xasprintf("%s/secrets/%s", state, names[i]);
        uint8_t key[32];
        int err = secret_load_key(path, key);
        secret_wipe(key, sizeof key);
        if (err != 0)
            return err;
    }
    return 0;
}

int all_state_open(const char *state, char **ret_state, int *ret_lock_fd, char **ret_cause)
{
    if (!is_ours(state)) {
        *ret_cause = xasprintf("%s is not empty and not a state directory of Isthmus", state);
        return -ENOTEMPTY;
    }
    mode_t mask = umask(0022); // a narrower one would keep the accounts of the sessions out
    int err = make_directories(state);
    umask(mask);
    char real[PATH_MAX];
    if (err == 0 && !realpath(state, real))
        err = -errno;
    if (err != 0) {
        *ret_cause = xasprintf("the state directory %s cannot be used: %s", state, strerror(-err));
        return err;
    }
    cleanup_free char *lock = xasprintf("%s/run/lock", real);
    int fd = -1;
    err = file_lock(lock, &fd);
    if (err == -EWOULDBLOCK) {
        *ret_cause =
            xasprintf("another instance runs with the state directory %s; stop it, or choose another "
                      "directory with --state DIR",
                      real);
        return err;
    }
    if (err == 0) {
        err = make_secrets(real);
        if (err != 0)
            close(fd);
    }
    if (err != 0) {
        *ret_cause = xasprintf("the state directory %s cannot be used: %s", real, strerror(-err));
        return err;
    }
    *ret_state = xstrdup(real);
    *ret_lock_fd = fd;
    return 0;
}

void all_status_load(const char *state, struct all_status *ret_status)
{
    *ret_status = (struct all_status){0};
    cleanup_free char *path = xasprintf("%s/run/status.json", state);
    cleanup_free char *text = NULL;
    size_t len;
    if (file_read(AT_FDCWD, path, STATUS_FILE_MAX, &text, &len) != 0)
        return;
    cleanup_json json_t *status = NULL;
    char error[JSON_ERROR_LEN];
    int64_t base;
    int64_t https;
    int64_t http;
    if (json_read(text, len, &status, error) != 0 ||
        json_get_int(status, "base", 1024, 64000, &base, error) != 0 ||
        json_get_int(status, "https", 0, 65535, &https, error) != 0 ||
        json_get_int(status, "http", 0, 65535, &http, error) != 0)
        return; // a damaged file is as good as none: other ports will do
    *ret_status = (struct all_status){(unsigned)base, (unsigned)https, (unsigned)http};
}

int all_config_write(struct config *config, const char *state, unsigned base, unsigned https, unsigned http,
                     bool sandbox)
{
    cleanup_free char *base_text = xasprintf("%u", base);
    cleanup_free char *https_text = xasprintf("%u", https);
    cleanup_free char *http_text = xasprintf("%u", http);
    cleanup_free char *gateway_url = xasprintf("http://127.0.0.1:%u", base);
    cleanup_free char *host_url = xasprintf("http://127.0.0.1:%u", base + PORT_HOST_OFFSET);
    const struct {
        const char *path;
        const char *value;
    } set[] = {
        {"webstreamSettings.basePortNumber", base_text},
        {"gateway.port", base_text},
        {"gateway.backend.gatewayUrl", gateway_url},
        {"gateway.backend.advertisedUrl", host_url},
        {"gateway.httpsPort", https_text},
        {"gateway.httpPort", http_text},
        {"isthmus.sandbox", sandbox ? "true" : "false"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
        int err = config_set(config, set[i].path, set[i].value);
        if (err != 0)
            return err;
    }
    cleanup_free char *path = xasprintf("%s/run/app.config.xml", state);
    return config_save(config, path);
}

int all_seed(const struct config *config, const char *state, char **ret_password, char **ret_cause)
{
    cleanup_free char *url = state_store_url(config, state);
    cleanup_free char *key = xasprintf("%s/secrets/token.key", state);
    struct identity_options options = {.token_lifetime_s = config_int(config, "isthmus.tokenLifetimeS")};
    int err = store_open(url, store_main_migrations, store_main_migration_count, &options.store, ret_cause);
    if (err != 0)
        return err;
    err = secret_load_key(key, options.token_key);
    struct identity *identity = NULL;
    if (err == 0)
        err = identity_create(&options, &identity);
    if (err == 0)
        err = identity_seed(identity, ret_password);
    if (err != 0)
        *ret_cause = xasprintf("the users could not be set up: %s", strerror(-err));
    identity_destroy(identity);
    store_close(options.store);
    secret_wipe(&options, sizeof options);
    return err;
}
