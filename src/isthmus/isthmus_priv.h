/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands of the program share: exit codes, the version, where the state is. */
#ifndef ISTHMUS_ISTHMUS_PRIV_H
#define ISTHMUS_ISTHMUS_PRIV_H

#include <stdio.h>

#include "base/util.h"
#include "config/config.h"

#define EXIT_OK 0
#define EXIT_RUN 1
#define EXIT_USAGE 2
#define EXIT_CONFIG 78

/* The commands that live in this folder. argv[0] is the command's name; the result is the exit code. */
int all_main(int argc, char **argv);
int ctl_main(int argc, char **argv);
int check_main(int argc, char **argv);
int gateway_role_main(int argc, char **argv);
int session_host_role_main(int argc, char **argv);
int streamer_role_main(int argc, char **argv);

/* The state directory when none is given: /var/lib/isthmus for root, else $XDG_STATE_HOME/isthmus or
 * ~/.local/state/isthmus. The caller frees; NULL when an ordinary user has no home. */
char *state_default(void);
/* The configuration that a command works with: file when given (it must exist), else STATE/app.config.xml
 * when it exists, else the defaults. Problems go to standard error as FILE:LINE: message. 0, or an exit code.
 */
int state_config(const char *state, const char *file, struct config **ret_config);
/* The address of the main store; the caller frees. */
char *state_store_url(const struct config *config, const char *state);
/* This program's own file; the caller frees. */
char *self_path(void);

#endif
