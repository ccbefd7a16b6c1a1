/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/domain.h"

#include "ovd/message/message_priv.h"

int ovd_domain_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                     struct ovd_domain *ret_domain)
{
    struct ovd_domain domain = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-domain", "response", data, len, problem, arg);
    int r;

    if (root) {
        domain.status =
            (enum ovd_domain_status)ovd__int(&in, root, "status", OVD_DOMAIN_OK, OVD_DOMAIN_OTHER, 0);
        domain.domain = ovd__str(&in, root, "domain", OVD_LINE_MAX);
        domain.text = ovd__text(&in, root, OVD_LINE_MAX);
    }
    r = ovd__close(&in);
    if (r < 0)
        ovd_domain_finish(&domain);
    else
        *ret_domain = domain;
    return r;
}

int ovd_domain_build(const struct ovd_domain *domain, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, "<response");
    ovd__put_int(&w, "status", (int64_t)domain->status);
    ovd__put(&w, "domain", domain->domain);
    ovd__raw(&w, ">");
    ovd__put_text(&w, domain->text);
    ovd__raw(&w, "</response>");
    return ovd__end(&w);
}

void ovd_domain_finish(struct ovd_domain *domain)
{
    if (!domain)
        return;
    free(domain->domain);
    free(domain->text);
    *domain = (struct ovd_domain){0};
}
