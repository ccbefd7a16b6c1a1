/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entry points of the roles. argc and argv start with the role's own name; the result is the process's exit status: 0, 1 for a failure at run
 * time, 2 for wrong usage, 78 for a wrong configuration. */
#ifndef ISTHMUS_ROLES_H
#define ISTHMUS_ROLES_H

int gateway_main(int argc, char **argv);
int session_host_main(int argc, char **argv);
int streamer_main(int argc, char **argv);
int keeper_main(int argc, char **argv);         /* internal: one for each session */
int session_leader_main(int argc, char **argv); /* internal: first process inside a sandbox */
int all_main(int argc, char **argv);
int ctl_main(int argc, char **argv);
int check_main(int argc, char **argv);

#endif
