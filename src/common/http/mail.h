/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sends one mail by SMTP through libcurl. Blocking: worker threads only. */
#ifndef ISTHMUS_HTTP_MAIL_H
#define ISTHMUS_HTTP_MAIL_H

#include "base/util.h"

struct mail {
    const char *server; /* smtp://HOST:PORT (with STARTTLS when it is offered) or smtps://HOST:PORT */
    const char *user, *password; /* "" : no login */
    const char *from, *to;       /* one address each, without a name */
    const char *subject;         /* UTF-8, one line */
    const char *text;            /* UTF-8, lines end with LF */
    unsigned timeout_ms;         /* of the whole exchange */
};

/* 0 when the server has taken it. -EINVAL for an address or a server that cannot be one; -EIO, -ETIMEDOUT,
 * -ECONNREFUSED, -EACCES (login). */
int mail_send(const struct mail *mail);

#endif
