/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an Application Server tells about itself: posted with its sessions (server_monitoring.php of the
 * Session Manager), or asked for without them. Schemas ovd-monitoring and ovd-monitoring-received. */
#ifndef ISTHMUS_OVD_MESSAGE_MONITORING_H
#define ISTHMUS_OVD_MESSAGE_MONITORING_H

#include "base/buf.h"
#include "xml/xml.h"

struct ovd_monitoring_application {
    int64_t pid;
    char *app_id;
};

struct ovd_monitoring_instance {
    char *id;     /* "desktop" or five characters */
    char *app_id; /* "desktop", "portal" or a number */
};

struct ovd_monitoring_session {
    char *id;
    int slot;
    char *vnc_login; /* NULL when the element is absent, as are the next two */
    int64_t *vnc_pids;
    size_t vnc_pid_count;
    char *ssh_login;
    int64_t *ssh_pids;
    size_t ssh_pid_count;
    char *user_login;
    struct ovd_monitoring_application *applications; /* started from a menu */
    size_t application_count;
    struct ovd_monitoring_instance *instances; /* displays */
    size_t instance_count;
};

struct ovd_monitoring {
    char *cpu_model;
    int cpu_cores;
    int cpu_load;                /* percent of all cores together */
    int64_t ram_total, ram_used; /* kB */
    bool has_sessions;           /* the posted form */
    struct ovd_monitoring_session *sessions;
    size_t session_count;
};

/* Needs cpu and ram with numbers; forgives white space around them, a load past 1 and anything unknown.
 * -EINVAL or -EMSGSIZE after telling why. ovd_monitoring_finish afterwards. */
int ovd_monitoring_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                         struct ovd_monitoring *ret_monitoring);
int ovd_monitoring_build(const struct ovd_monitoring *monitoring, struct buf *out);
void ovd_monitoring_finish(struct ovd_monitoring *monitoring); /* NULL-safe */

#endif
