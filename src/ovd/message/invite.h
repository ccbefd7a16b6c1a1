/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of a Session Manager's session_invite.php. Schema ovd-invite. */
#ifndef ISTHMUS_OVD_MESSAGE_INVITE_H
#define ISTHMUS_OVD_MESSAGE_INVITE_H

#include "base/buf.h"
#include "ovd/message/words.h"
#include "xml/xml.h"

struct ovd_invite {
    char *token;
    enum ovd_guest_mode mode;
    char *email;
};

/* -EINVAL or -EMSGSIZE after telling why. ovd_invite_finish afterwards. */
int ovd_invite_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                     struct ovd_invite *ret_invite);
int ovd_invite_build(const struct ovd_invite *invite, struct buf *out);
void ovd_invite_finish(struct ovd_invite *invite); /* overwrites the token; NULL-safe */

#endif
