/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of "isthmus all": the claim on ports, the state directory, the children, their logs. Everything
 * runs on one loop's thread. */
#ifndef ISTHMUS_ALL_PRIV_H
#define ISTHMUS_ALL_PRIV_H

#include "base/util.h"
#include "config/config.h"
#include "loop/loop.h"

/* ---- all_ports.c ---- */

#define PORTS_BLOCK 1000
#define PORTS_FIRST 9000
#define PORTS_LAST 31000   /* the block ends below Linux's ephemeral ports */
#define PORT_HOST_OFFSET 5 /* the session host's HTTP */

/* Claims a block of PORTS_BLOCK ports: an abstract Unix socket named after the base is bound for as long as
 * *ret_lock_fd is open, so that no two instances of this machine share a block, and base and base + 5 can be
 * bound. fixed != 0: that one or -EADDRINUSE. last != 0: the base of the run before is tried first, and
 * waited for a moment while its roles are still going down. */
int ports_claim(unsigned fixed, unsigned last, unsigned *ret_base, int *ret_lock_fd);
/* Whether this process could listen on port now. */
bool port_is_free(unsigned port);

/* ---- all_state.c ---- */

/* What a run leaves for the next one and for "isthmus ctl status", in STATE/run/status.json. */
struct all_status {
    unsigned base, https, http;
};

/* Makes the directories and secrets and takes the lock of the state directory: one instance each. *ret_state
 * is its real path, the caller frees. -EWOULDBLOCK when another instance has it. ret_cause is a sentence, the
 * caller frees. */
int all_state_open(const char *state, char **ret_state, int *ret_lock_fd, char **ret_cause);
/* All zero when there was no earlier run. */
void all_status_load(const char *state, struct all_status *ret_status);
/* Sets what belongs to a whole instance (ports, addresses, sandbox) and writes STATE/run/app.config.xml for
 * the roles. */
int all_config_write(struct config *config, const char *state, unsigned base, unsigned https, unsigned http,
                     bool sandbox);
/* Opens the main store before the gateway does, makes the demo and the first user. *ret_password: of a user
 * just made, else NULL. */
int all_seed(const struct config *config, const char *state, char **ret_password, char **ret_cause);

/* ---- all_logs.c ---- */

struct all_logs;

/* The roles write their logs by themselves (so that they go on when this process dies); this watches the
 * files: one that has become too long is copied to NAME.log.1 and emptied, and with echo every new line is
 * shown on standard error. */
int all_logs_create(struct loop *loop, const char *state, bool echo, struct all_logs **ret_logs);
struct all_logs *all_logs_destroy(struct all_logs *logs); /* shows what is left; NULL-safe; returns NULL */
/* A descriptor for appending to STATE/log/NAME.log, which is watched from now on. The caller closes it. */
int all_logs_open(struct all_logs *logs, const char *name, int *ret_fd);
/* Shows the last lines of a role's log on standard error. */
void all_logs_tail(const char *state, const char *name, unsigned lines);

/* ---- all_role.c ---- */

enum role_state { ROLE_STOPPED, ROLE_STARTING, ROLE_READY, ROLE_WAITING };

struct role;

struct role_options {
    struct loop *loop;
    const char *name; /* "gateway" */
    const char *self; /* the program's file */
    const char *state;
    const char *config;
    struct all_logs *logs;
    int stop_signal; /* the first one sent by role_stop */
    /* Something has changed: see role_state. line is what the role said when it became ready ("https=443
     * http=80"), else NULL. */
    void (*changed)(void *arg, struct role *role, const char *line);
    void *arg;
};

int role_create(const struct role_options *options, struct role **ret_role);
struct role *role_destroy(struct role *role); /* of a stopped role; NULL-safe; returns NULL */
int role_start(struct role *role);
/* Sends the stop signal, and SIGKILL 10 s later or at the next call. The state becomes ROLE_STOPPED. */
void role_stop(struct role *role);
enum role_state role_get_state(const struct role *role);
const char *role_state_word(enum role_state state);
const char *role_name(const struct role *role);
pid_t role_pid(const struct role *role); /* 0 when it does not run */
unsigned role_restarts(const struct role *role);
int role_exit_code(const struct role *role); /* of the last death: 0 ... 255, or 128 + signal; -1 before */

/* ---- all_banner.c ---- */

struct all_view {
    const char *state, *self;
    const struct config *config;
    unsigned base, https, http;
    const char *password; /* of a user just made, else NULL */
    const struct role *const *roles;
    size_t role_count;
};

/* The address for browsers; the caller frees. */
char *all_browser_url(const struct all_view *view);
/* The lines "name: value" on standard output that people and scripts read. */
void all_banner(const struct all_view *view);
/* Writes STATE/run/status.json. */
int all_status_write(const struct all_view *view);

/* ---- all_run.c ---- */

struct all_run_options {
    const char *state, *self;
    struct config *config;
    unsigned base, https, http; /* https, http: 0 = the gateway chooses */
    bool verbose, sandbox;
    const char *password;
};

/* Starts the roles, prints the banner, supervises until SIGINT, SIGTERM or SIGHUP, stops everything. The
 * result is the exit code. */
int all_run(const struct all_run_options *options);

/* ---- all_leftover.c ---- */

/* Ends and reaps every child process that is left (this process is a subreaper, so whatever its roles left
 * behind is one): SIGTERM, SIGKILL after grace_ms. How many there were. */
unsigned leftover_end(unsigned grace_ms);

#endif
