/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What index.php of an Application Server answers to a client that is no browser: the session and where its
 * web services are. Schema ovd-session-answer. */
#ifndef ISTHMUS_OVD_MESSAGE_SESSION_ANSWER_H
#define ISTHMUS_OVD_MESSAGE_SESSION_ANSWER_H

#include "base/buf.h"
#include "ovd/message/words.h"
#include "xml/xml.h"

struct ovd_session_answer {
    enum ovd_mode mode;
    bool shareable;
    bool persistent;
    char *protocol; /* http or https */
    char *server;
    int port;
    char *location; /* begins with '/' */
};

/* -EINVAL or -EMSGSIZE after telling why. ovd_session_answer_finish afterwards. */
int ovd_session_answer_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                             struct ovd_session_answer *ret_answer);
int ovd_session_answer_build(const struct ovd_session_answer *answer, struct buf *out);
void ovd_session_answer_finish(struct ovd_session_answer *answer); /* NULL-safe */

#endif
