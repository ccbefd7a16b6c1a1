// SPDX-License-Identifier: GPL-3.0-or-later
// One binary: a table of roles and commands. The names of the WebStream services' flags are aliases.
#include <stdio.h>
#include <sys/prctl.h>

#include "base/str.h"
#include "base/util.h"
#include "isthmus/isthmus_priv.h"
#include "isthmus/version.h"
#include "pool/keeper.h"
#include "print/print_backend.h"
#include "print/print_server.h"

struct command {
    const char *name;
    const char *aliases[4];
    int (*run)(int argc, char **argv);
    const char *help; /* NULL: internal, not listed */
};

static const struct command commands[] = {
    {"all", {NULL}, all_main, "everything on this machine: starts the roles, restarts a dead one"},
    {"gateway",
     {"-gw", "-gateway", NULL},
     gateway_role_main,
     "public HTTPS: login, entitlements, sessions, tunnels"},
    {"session-host",
     {"-be", "-backend", NULL},
     session_host_role_main,
     "the pool of accounts and displays of one host"},
    {"streamer", {NULL}, streamer_role_main, "the picture and input of one session (started by its keeper)"},
    {"check", {NULL}, check_main, "read a configuration, tell every problem with its line"},
    {"ctl", {NULL}, ctl_main, "reset a password, show what runs"},
    {"keeper", {NULL}, keeper_main, NULL},
    {"session-leader", {NULL}, session_leader_main, NULL},
    {"print-server", {NULL}, print_server_main, NULL},
};

static void usage(FILE *out)
{
    fprintf(out, "usage: isthmus COMMAND [options]\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const struct command *c = &commands[i];
        if (!c->help)
            continue;
        char names[64];
        int at = snprintf(names, sizeof names, "%s", c->name);
        for (size_t a = 0; c->aliases[a] && at > 0 && (size_t)at < sizeof names; a++)
            at += snprintf(names + at, sizeof names - (size_t)at, " %s", c->aliases[a]);
        fprintf(out, "  %-30s %s\n", names, c->help);
    }
    fprintf(out, "\n  isthmus COMMAND --help         the options of a command\n"
                 "  isthmus --version              version, commit, libraries\n\n"
                 "Start here: isthmus all\n");
}

static void version(void)
{
    printf("isthmus %s%s\n", ISTHMUS_VERSION, ISTHMUS_COMMIT[0] ? " (" ISTHMUS_COMMIT ")" : "");
    printf("built with %s\n", ISTHMUS_LIBRARIES);
    printf("License GPL-3.0-or-later. There is no warranty, to the extent permitted by law.\n");
}

static bool command_is(const struct command *c, const char *word)
{
    if (str_eq(c->name, word))
        return true;
    for (size_t a = 0; c->aliases[a]; a++) {
        if (str_eq(c->aliases[a], word))
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    // A program that was started through a descriptor is named after that: "4", "exe".
    (void)prctl(PR_SET_NAME, "isthmus");
    if (argc > 0 && print_backend_called(argv[0])) // cupsd names its backends by the printer's address
        return print_backend_main(argc, argv);
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (str_eq(argv[1], "--help") || str_eq(argv[1], "-h") || str_eq(argv[1], "help")) {
        usage(stdout);
        return EXIT_OK;
    }
    if (str_eq(argv[1], "--version") || str_eq(argv[1], "-V")) {
        version();
        return EXIT_OK;
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!command_is(&commands[i], argv[1]))
            continue;
        static char name[32]; // a role sees its own name, whatever alias was used
        (void)str_copy(name, sizeof name, commands[i].name);
        argv[1] = name;
        return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "isthmus: there is no command \"%s\"\n\n", argv[1]);
    usage(stderr);
    return EXIT_USAGE;
}
