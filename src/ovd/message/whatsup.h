/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of whatsup.php: how session and applications are, what was printed, who watches. One form for an
 * application that the client names, one for all of them. Schemas ovd-whatsup and ovd-whatsup-received. */
#ifndef ISTHMUS_OVD_MESSAGE_WHATSUP_H
#define ISTHMUS_OVD_MESSAGE_WHATSUP_H

#include "base/buf.h"
#include "ovd/message/words.h"
#include "xml/xml.h"

struct ovd_whatsup_running {
    char *job; /* the instance */
    char *app_id;
    int status;
};

struct ovd_whatsup_share {
    char *email;
    enum ovd_guest_mode mode;
    bool joined; /* has asked at least once */
    bool alive;  /* has asked lately and has not left */
};

struct ovd_whatsup {
    int status;                          /* of the session */
    bool single;                         /* the form for one application */
    int application_status;              /* of that one */
    struct ovd_whatsup_running *running; /* of the other form */
    size_t running_count;
    char *print_path; /* NULL when nothing new was printed */
    int64_t print_time;
    bool has_sharing; /* for the owner of a ready session, also when there is nobody */
    struct ovd_whatsup_share *shares;
    size_t share_count;
};

/* Ignores unknown elements and attributes, as clients do. -EINVAL or -EMSGSIZE after telling why.
 * ovd_whatsup_finish afterwards. */
int ovd_whatsup_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                      struct ovd_whatsup *ret_whatsup);
int ovd_whatsup_build(const struct ovd_whatsup *whatsup, struct buf *out);
void ovd_whatsup_finish(struct ovd_whatsup *whatsup); /* NULL-safe */

#endif
