/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/invite.h"

#include "ovd/message/message_priv.h"

static void read_invite(struct ovd_reader *in, const struct xml_node *root, struct ovd_invite *invite)
{
    cleanup_free char *mode = ovd__str(in, root, "mode", OVD_LINE_MAX);

    invite->token = ovd__id(in, root, "token");
    invite->mode = ovd_guest_mode_read(mode);
    invite->email = ovd__str(in, root, "email", OVD_LINE_MAX);
    if (!invite->email)
        ovd__refuse(in, root, "invite needs email");
}

int ovd_invite_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                     struct ovd_invite *ret_invite)
{
    struct ovd_invite invite = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-invite", "invite", data, len, problem, arg);
    int r;

    if (root)
        read_invite(&in, root, &invite);
    r = ovd__close(&in);
    if (r < 0)
        ovd_invite_finish(&invite);
    else
        *ret_invite = invite;
    return r;
}

int ovd_invite_build(const struct ovd_invite *invite, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, OVD_DECLARATION "<invite");
    ovd__put(&w, "token", invite->token);
    ovd__put_word(&w, "mode", ovd_guest_mode_words, ARRAY_SIZE(ovd_guest_mode_words), (int)invite->mode);
    ovd__put(&w, "email", invite->email);
    ovd__raw(&w, "/>\n");
    return ovd__end(&w);
}

void ovd_invite_finish(struct ovd_invite *invite)
{
    if (!invite)
        return;
    ovd__free_secret(invite->token);
    free(invite->email);
    *invite = (struct ovd_invite){0};
}
