// SPDX-License-Identifier: GPL-3.0-or-later
// isthmus ctl: what an administrator does beside a running instance.
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>

#include "base/file.h"
#include "base/secret.h"
#include "base/str.h"
#include "identity/identity.h"
#include "isthmus/isthmus_priv.h"
#include "store/store.h"
#include "json/json.h"

#define STATUS_FILE_MAX 65536

static void usage(FILE *out)
{
    fprintf(out, "usage: isthmus ctl reset-password USER [--state DIR]\n"
                 "       isthmus ctl status [--json] [--state DIR]\n\n"
                 "reset-password   makes a new password and prints it once; the user's logins end\n"
                 "status           what runs, with addresses; exit code 1 when nothing runs\n");
}

/* The configuration the instance runs with, or would start with. */
static int instance_config(const char *state, struct config **ret_config)
{
    cleanup_free char *effective = xasprintf("%s/run/app.config.xml", state);
    return state_config(state, access(effective, R_OK) == 0 ? effective : NULL, ret_config);
}

static int open_identity(const char *state, struct identity_options *options, struct identity **ret_identity)
{
    struct config *config = NULL;
    int code = instance_config(state, &config);
    if (code != EXIT_OK)
        return code;
    cleanup_free char *url = state_store_url(config, state);
    config_free(config);
    cleanup_free char *key = xasprintf("%s/secrets/token.key", state);
    cleanup_free char *cause = NULL;
    if (access(key, R_OK) != 0) {
        fprintf(stderr, "isthmus: %s holds no instance that this user may read\n", state);
        return EXIT_RUN;
    }
    if (store_open(url, store_main_migrations, store_main_migration_count, &options->store, &cause) != 0) {
        fprintf(stderr, "isthmus: %s\n", cause ? cause : "the database cannot be opened");
        return EXIT_RUN;
    }
    int err = secret_load_key(key, options->token_key);
    if (err == 0)
        err = identity_create(options, ret_identity);
    if (err == 0)
        return EXIT_OK;
    fprintf(stderr, "isthmus: the users cannot be read: %s\n", strerror(-err));
    store_close(options->store);
    return EXIT_RUN;
}

static int reset_password(const char *state, const char *username)
{
    struct identity_options options = {0};
    struct identity *identity = NULL;
    int code = open_identity(state, &options, &identity);
    if (code != EXIT_OK)
        return code;
    char *password = NULL;
    int err = identity_reset_password(identity, username, &password);
    if (err == 0) {
        printf("user: %s\npassword: %s\n", username, password);
        secret_wipe(password, strlen(password));
    } else if (err == -ENOENT) {
        fprintf(stderr, "isthmus: there is no user \"%s\"\n", username);
    } else {
        fprintf(stderr, "isthmus: the password could not be changed: %s\n", strerror(-err));
    }
    free(password);
    identity_destroy(identity);
    store_close(options.store);
    secret_wipe(&options, sizeof options);
    return err == 0 ? EXIT_OK : EXIT_RUN;
}

static bool is_running(const char *state)
{
    cleanup_free char *path = xasprintf("%s/run/lock", state);
    if (access(path, F_OK) != 0)
        return false;
    cleanup_close int fd = -1;
    return file_lock(path, &fd) == -EWOULDBLOCK;
}

static void print_status(const json_t *status)
{
    char error[JSON_ERROR_LEN];
    const char *browser = "";
    int64_t pid = 0;
    int64_t base = 0;
    (void)json_opt_string(status, "browser", 1024, &browser, error);
    (void)json_opt_int(status, "pid", 0, INT32_MAX, &pid, error);
    (void)json_opt_int(status, "base", 0, 65535, &base, error);
    printf("browser: %s\nports: %" PRId64 " and up\npid: %" PRId64 "\n", browser, base, pid);
    const json_t *role;
    size_t index;
    json_array_foreach(json_object_get(status, "roles"), index, role)
    {
        const char *name = "";
        const char *state = "";
        int64_t restarts = 0;
        pid = 0;
        (void)json_opt_string(role, "name", 64, &name, error);
        (void)json_opt_string(role, "state", 64, &state, error);
        (void)json_opt_int(role, "pid", 0, INT32_MAX, &pid, error);
        (void)json_opt_int(role, "restarts", 0, INT32_MAX, &restarts, error);
        printf("%s: %s, pid %" PRId64 ", %" PRId64 " restarts\n", name, state, pid, restarts);
    }
}

static int show_status(const char *state, bool as_json)
{
    if (!is_running(state)) {
        if (as_json)
            printf("{\"running\":false}\n");
        else
            printf("nothing runs with the state directory %s\n", state);
        return EXIT_RUN;
    }
    cleanup_free char *path = xasprintf("%s/run/status.json", state);
    cleanup_free char *text = NULL;
    size_t len;
    cleanup_json json_t *status = NULL;
    char error[JSON_ERROR_LEN];
    if (file_read(AT_FDCWD, path, STATUS_FILE_MAX, &text, &len) != 0 ||
        json_read(text, len, &status, error) != 0) {
        fprintf(stderr,
                "isthmus: %s cannot be read; the instance is just starting, or belongs to another user\n",
                path);
        return EXIT_RUN;
    }
    if (as_json)
        printf("%s\n", text);
    else
        print_status(status);
    return EXIT_OK;
}

int ctl_main(int argc, char **argv)
{
    static const struct option options[] = {{"state", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    cleanup_free char *state = state_default();
    bool as_json = false;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 's':
            free(state);
            state = xstrdup(optarg);
            break;
        case 'j':
            as_json = true;
            break;
        case 'h':
            usage(stdout);
            return EXIT_OK;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    int left = argc - optind;
    if (state && left == 2 && str_eq(argv[optind], "reset-password"))
        return reset_password(state, argv[optind + 1]);
    if (state && left == 1 && str_eq(argv[optind], "status"))
        return show_status(state, as_json);
    usage(stderr);
    return EXIT_USAGE;
}
