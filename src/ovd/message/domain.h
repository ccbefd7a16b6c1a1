/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer of a Session Manager's domain.php to the installer of a Windows agent. Schema ovd-domain. */
#ifndef ISTHMUS_OVD_MESSAGE_DOMAIN_H
#define ISTHMUS_OVD_MESSAGE_DOMAIN_H

#include "base/buf.h"
#include "xml/xml.h"

enum ovd_domain_status {
    OVD_DOMAIN_OK,
    OVD_DOMAIN_USAGE,
    OVD_DOMAIN_NOT_USED, /* the Session Manager has no Active Directory */
    OVD_DOMAIN_OTHER     /* it has another one, which is told */
};

struct ovd_domain {
    enum ovd_domain_status status;
    char *domain; /* of OVD_DOMAIN_OTHER */
    char *text;   /* for people; "OK" for OVD_DOMAIN_OK */
};

/* -EINVAL or -EMSGSIZE after telling why. ovd_domain_finish afterwards. */
int ovd_domain_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                     struct ovd_domain *ret_domain);
int ovd_domain_build(const struct ovd_domain *domain, struct buf *out);
void ovd_domain_finish(struct ovd_domain *domain); /* NULL-safe */

#endif
