/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/aps.h"

#include "ovd/message/message_priv.h"

int ovd_aps_parse(const char *data, size_t len, xml_problem_fn problem, void *arg, struct ovd_aps *ret_aps)
{
    struct ovd_aps aps = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-aps", "aps", data, len, problem, arg);
    int r;

    if (root) {
        aps.server = ovd__str(&in, root, "server", OVD_LINE_MAX);
        if (!aps.server)
            ovd__refuse(&in, root, "aps needs server");
    }
    r = ovd__close(&in);
    if (r < 0)
        ovd_aps_finish(&aps);
    else
        *ret_aps = aps;
    return r;
}

int ovd_aps_build(const struct ovd_aps *aps, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, "<aps");
    ovd__put(&w, "server", aps->server);
    ovd__raw(&w, "/>");
    return ovd__end(&w);
}

void ovd_aps_finish(struct ovd_aps *aps)
{
    if (!aps)
        return;
    free(aps->server);
    *aps = (struct ovd_aps){0};
}
