/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/monitoring.h"

#include <ctype.h>
#include <stdio.h>

#include "ovd/message/message_priv.h"

#define WHITE " \t\r\n"
#define CORES_MAX 65536
#define PID_MAX INT32_MAX

static const char *read_digits(const char *text, double *value, int *ret_count)
{
    for (; isdigit((unsigned char)*text); text++, ++*ret_count)
        *value = *value * 10 + (*text - '0');
    return text;
}

/* A fraction in the notation of whatever program wrote it: "0.51", ".51", "1", "8e-05"; strtod would follow
 * the locale. The text is at most OVD_ID_MAX long, so nothing here overflows. Percent, at most 100; what is
 * no number at all gives -1. */
static int percent(const char *text)
{
    int digits = 0, decimals = 0, exponent_digits = 0, power;
    double value = 0, exponent = 0;
    bool minus = false;

    text += strspn(text, WHITE);
    text = read_digits(text, &value, &digits);
    if (*text == '.')
        text = read_digits(text + 1, &value, &decimals);
    if (digits + decimals == 0)
        return -1;
    if (*text == 'e' || *text == 'E') {
        minus = text[1] == '-';
        text = read_digits(text + 1 + minus, &exponent, &exponent_digits);
        if (exponent_digits == 0)
            return -1;
    }
    text += strspn(text, WHITE);
    power = (int)CLAMP(minus ? -exponent : exponent, -100, 100) - decimals;
    for (; power > 0; power--)
        value *= 10;
    for (; power < 0; power++)
        value /= 10;
    /* 0.29 * 100 is a little less than 29. */
    return *text ? -1 : (int)(MIN(value, 1.0) * 100 + 1e-6);
}

static int64_t *read_pids(struct ovd_reader *in, const struct xml_node *node, size_t *ret_count)
{
    const struct xml_node *pid = node ? xml_first(node, "pid") : NULL;
    int64_t *pids = ovd__array(in, node, "pid", sizeof(*pids), OVD_PIDS_MAX, ret_count);

    for (size_t i = 0; i < *ret_count; i++, pid = xml_next(pid, "pid"))
        pids[i] = ovd__int(in, pid, "id", 0, PID_MAX, 0);
    return pids;
}

static void read_user(struct ovd_reader *in, const struct xml_node *user,
                      struct ovd_monitoring_session *session)
{
    const struct xml_node *node = user ? xml_first(user, "application") : NULL;

    session->user_login = ovd__str(in, user, "login", OVD_LINE_MAX);
    session->applications = ovd__array(in, user, "application", sizeof(*session->applications),
                                       OVD_INSTANCES_MAX, &session->application_count);
    for (size_t i = 0; i < session->application_count; i++, node = xml_next(node, "application")) {
        session->applications[i].pid = ovd__int(in, node, "pid", 0, PID_MAX, 0);
        session->applications[i].app_id = ovd__id(in, node, "app_id");
    }
    session->instances = ovd__array(in, user, "session", sizeof(*session->instances), OVD_INSTANCES_MAX,
                                    &session->instance_count);
    node = user ? xml_first(user, "session") : NULL;
    for (size_t i = 0; i < session->instance_count; i++, node = xml_next(node, "session")) {
        session->instances[i].id = ovd__id(in, node, "id");
        session->instances[i].app_id = ovd__id(in, node, "app_id");
    }
}

static void read_session(struct ovd_reader *in, const struct xml_node *node,
                         struct ovd_monitoring_session *session)
{
    const struct xml_node *vnc = ovd__only(in, node, "vnc", false);
    const struct xml_node *ssh = ovd__only(in, node, "ssh", false);

    session->id = ovd__id(in, node, "id");
    session->slot = (int)ovd__int(in, node, "i", 0, INT32_MAX, 0);
    session->vnc_login = ovd__str(in, vnc, "login", OVD_ID_MAX);
    session->vnc_pids = read_pids(in, vnc, &session->vnc_pid_count);
    session->ssh_login = ovd__str(in, ssh, "login", OVD_ID_MAX);
    session->ssh_pids = read_pids(in, ssh, &session->ssh_pid_count);
    read_user(in, ovd__only(in, node, "user", false), session);
}

static void read_machine(struct ovd_reader *in, const struct xml_node *root,
                         struct ovd_monitoring *monitoring)
{
    const struct xml_node *cpu = ovd__only(in, root, "cpu", true);
    const struct xml_node *ram = ovd__only(in, root, "ram", true);
    cleanup_free char *load = ovd__str(in, cpu, "load", OVD_ID_MAX);

    monitoring->cpu_model = ovd__text(in, cpu, OVD_LINE_MAX);
    monitoring->cpu_cores = (int)ovd__int(in, cpu, "nb_cores", 0, CORES_MAX, -1);
    monitoring->cpu_load = load ? percent(load) : -1;
    monitoring->ram_total = ovd__int(in, ram, "total", 0, INT64_MAX, -1);
    monitoring->ram_used = ovd__int(in, ram, "used", 0, INT64_MAX, -1);
    if (monitoring->cpu_cores < 0 || monitoring->cpu_load < 0)
        ovd__refuse(in, cpu, "cpu needs nb_cores and load");
    if (monitoring->ram_total < 0 || monitoring->ram_used < 0)
        ovd__refuse(in, ram, "ram needs total and used");
}

int ovd_monitoring_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                         struct ovd_monitoring *ret_monitoring)
{
    struct ovd_monitoring monitoring = {0};
    struct ovd_reader in;
    const struct xml_node *root =
        ovd__open(&in, "ovd-monitoring-received", "monitoring", data, len, problem, arg);
    const struct xml_node *sessions, *node;
    int r;

    if (root) {
        read_machine(&in, root, &monitoring);
        sessions = ovd__only(&in, root, "sessions", false);
        monitoring.has_sessions = sessions != NULL;
        monitoring.sessions = ovd__array(&in, sessions, "session", sizeof(*monitoring.sessions),
                                         OVD_SESSIONS_MAX, &monitoring.session_count);
        node = sessions ? xml_first(sessions, "session") : NULL;
        for (size_t i = 0; i < monitoring.session_count; i++, node = xml_next(node, "session"))
            read_session(&in, node, &monitoring.sessions[i]);
    }
    r = ovd__close(&in);
    if (r < 0)
        ovd_monitoring_finish(&monitoring);
    else
        *ret_monitoring = monitoring;
    return r;
}

/* The posted form comes from a shell script, hence its line feeds, and the space before "/>". */
static void put_processes(struct ovd_writer *w, const char *name, const char *login, const int64_t *pids,
                          size_t count)
{
    if (!login)
        return;
    ovd__raw(w, "<");
    ovd__raw(w, name);
    ovd__put(w, "login", login);
    ovd__raw(w, ">");
    for (size_t i = 0; i < count; i++) {
        ovd__raw(w, "<pid");
        ovd__put_int(w, "id", pids[i]);
        ovd__raw(w, " />");
    }
    ovd__raw(w, "</");
    ovd__raw(w, name);
    ovd__raw(w, ">\n");
}

static void put_user(struct ovd_writer *w, const struct ovd_monitoring_session *session)
{
    if (!session->user_login)
        return;
    ovd__raw(w, "<user");
    ovd__put(w, "login", session->user_login);
    ovd__raw(w, ">\n");
    for (size_t i = 0; i < session->application_count; i++) {
        ovd__raw(w, "<application");
        ovd__put_int(w, "pid", session->applications[i].pid);
        ovd__put(w, "app_id", session->applications[i].app_id);
        ovd__raw(w, " />\n");
    }
    for (size_t i = 0; i < session->instance_count; i++) {
        ovd__raw(w, "<session");
        ovd__put(w, "id", session->instances[i].id);
        ovd__put(w, "app_id", session->instances[i].app_id);
        ovd__raw(w, " />\n");
    }
    ovd__raw(w, "</user>\n");
}

static void put_sessions(struct ovd_writer *w, const struct ovd_monitoring *monitoring)
{
    ovd__raw(w, "<sessions>\n");
    for (size_t i = 0; i < monitoring->session_count; i++) {
        const struct ovd_monitoring_session *session = &monitoring->sessions[i];

        ovd__raw(w, "<session");
        ovd__put(w, "id", session->id);
        ovd__put_int(w, "i", session->slot);
        ovd__raw(w, ">\n");
        put_processes(w, "vnc", session->vnc_login, session->vnc_pids, session->vnc_pid_count);
        put_processes(w, "ssh", session->ssh_login, session->ssh_pids, session->ssh_pid_count);
        put_user(w, session);
        ovd__raw(w, "</session>\n");
    }
    ovd__raw(w, "</sessions>\n");
}

int ovd_monitoring_build(const struct ovd_monitoring *monitoring, struct buf *out)
{
    bool posted = monitoring->has_sessions;
    int load = CLAMP(monitoring->cpu_load, 0, 100);
    struct ovd_writer w;
    char fraction[16];

    snprintf(fraction, sizeof(fraction), "%d.%02d", load / 100, load % 100);
    ovd__begin(&w, out);
    ovd__raw(&w, posted ? OVD_DECLARATION "<monitoring>\n <cpu" : OVD_DECLARATION "<monitoring><cpu");
    ovd__put_int(&w, "nb_cores", monitoring->cpu_cores);
    ovd__put(&w, "load", fraction);
    ovd__raw(&w, posted ? ">\n" : ">");
    ovd__put_text(&w, monitoring->cpu_model);
    ovd__raw(&w, posted ? "\n  </cpu>\n<ram" : "</cpu><ram");
    ovd__put_int(&w, "total", monitoring->ram_total);
    ovd__put_int(&w, "used", monitoring->ram_used);
    ovd__raw(&w, posted ? " />\n" : "/>");
    if (posted)
        put_sessions(&w, monitoring);
    ovd__raw(&w, "</monitoring>\n");
    return ovd__end(&w);
}

static void finish_session(struct ovd_monitoring_session *session)
{
    free(session->id);
    free(session->vnc_login);
    free(session->vnc_pids);
    free(session->ssh_login);
    free(session->ssh_pids);
    free(session->user_login);
    for (size_t i = 0; i < session->application_count; i++)
        free(session->applications[i].app_id);
    free(session->applications);
    for (size_t i = 0; i < session->instance_count; i++) {
        free(session->instances[i].id);
        free(session->instances[i].app_id);
    }
    free(session->instances);
}

void ovd_monitoring_finish(struct ovd_monitoring *monitoring)
{
    if (!monitoring)
        return;
    free(monitoring->cpu_model);
    for (size_t i = 0; i < monitoring->session_count; i++)
        finish_session(&monitoring->sessions[i]);
    free(monitoring->sessions);
    *monitoring = (struct ovd_monitoring){0};
}
