/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every message as one table of functions: read a text, write again what was understood. */
#ifndef ISTHMUS_TESTS_OVD_EVERY_MESSAGE_H
#define ISTHMUS_TESTS_OVD_EVERY_MESSAGE_H

#include "ovd/message/access.h"
#include "ovd/message/agent.h"
#include "ovd/message/application.h"
#include "ovd/message/apps.h"
#include "ovd/message/aps.h"
#include "ovd/message/domain.h"
#include "ovd/message/installable.h"
#include "ovd/message/invite.h"
#include "ovd/message/monitoring.h"
#include "ovd/message/news.h"
#include "ovd/message/server_applications.h"
#include "ovd/message/session_answer.h"
#include "ovd/message/session_token.h"
#include "ovd/message/start_app.h"
#include "ovd/message/user_applications.h"
#include "ovd/message/whatsup.h"

#define ECHO(name)                                                                                           \
    static inline int echo_##name(const char *data, size_t len, xml_problem_fn problem, void *arg,           \
                                  struct buf *out)                                                           \
    {                                                                                                        \
        struct ovd_##name message = {0};                                                                     \
        int r = ovd_##name##_parse(data, len, problem, arg, &message);                                       \
                                                                                                             \
        if (r == 0)                                                                                          \
            r = ovd_##name##_build(&message, out);                                                           \
        ovd_##name##_finish(&message);                                                                       \
        ovd_##name##_finish(&message);                                                                       \
        ovd_##name##_finish(NULL);                                                                           \
        return r;                                                                                            \
    }

ECHO(access)
ECHO(agent)
ECHO(application)
ECHO(apps)
ECHO(aps)
ECHO(domain)
ECHO(installable)
ECHO(invite)
ECHO(monitoring)
ECHO(news)
ECHO(server_applications)
ECHO(session_answer)
ECHO(session_token)
ECHO(start_app)
ECHO(user_applications)
ECHO(whatsup)

static const struct {
    const char *name;
    const char *schema; /* of what is sent */
    int (*echo)(const char *data, size_t len, xml_problem_fn problem, void *arg, struct buf *out);
} every_message[] = {
    {"access", "ovd-access", echo_access},
    {"agent", "ovd-agent", echo_agent},
    {"application", "ovd-application", echo_application},
    {"apps", "ovd-apps", echo_apps},
    {"aps", "ovd-aps", echo_aps},
    {"domain", "ovd-domain", echo_domain},
    {"installable", "ovd-installable", echo_installable},
    {"invite", "ovd-invite", echo_invite},
    {"monitoring", "ovd-monitoring", echo_monitoring},
    {"news", "ovd-news", echo_news},
    {"server_applications", "ovd-server-applications", echo_server_applications},
    {"session_answer", "ovd-session-answer", echo_session_answer},
    {"session_token", "ovd-session-token", echo_session_token},
    {"start_app", "ovd-start-app", echo_start_app},
    {"user_applications", "ovd-user-applications", echo_user_applications},
    {"whatsup", "ovd-whatsup", echo_whatsup},
};

#endif
