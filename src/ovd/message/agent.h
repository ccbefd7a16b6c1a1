/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the agent of a Windows server answers to loggedin (user or error) and to logoff (session or error).
 * Schema ovd-agent. */
#ifndef ISTHMUS_OVD_MESSAGE_AGENT_H
#define ISTHMUS_OVD_MESSAGE_AGENT_H

#include "base/buf.h"
#include "xml/xml.h"

enum ovd_agent_kind { OVD_AGENT_USER, OVD_AGENT_SESSION, OVD_AGENT_ERROR };

struct ovd_agent {
    enum ovd_agent_kind kind;
    char *id;       /* login; number of the Windows session; "not found" or "usage" */
    bool logged_in; /* of a user */
    char *status;   /* of a session: "logged off" */
};

/* -EINVAL or -EMSGSIZE after telling why. ovd_agent_finish afterwards. */
int ovd_agent_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                    struct ovd_agent *ret_agent);
int ovd_agent_build(const struct ovd_agent *agent, struct buf *out);
void ovd_agent_finish(struct ovd_agent *agent); /* NULL-safe */

#endif
