/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/session_answer.h"

#include "ovd/message/message_priv.h"

static const char *const booleans[] = {"false", "true"};

static void read_answer(struct ovd_reader *in, const struct xml_node *root, struct ovd_session_answer *answer)
{
    const struct xml_node *aps = ovd__only(in, root, "aps", true);

    answer->mode = ovd__word(in, root, "mode", ovd_mode_words, ARRAY_SIZE(ovd_mode_words), 0);
    answer->shareable = ovd__word(in, root, "shareable", booleans, 2, 0) == 1;
    answer->persistent = ovd__word(in, root, "persistent", booleans, 2, 0) == 1;
    answer->protocol = ovd__str(in, aps, "protocol", OVD_ID_MAX);
    answer->server = ovd__str(in, aps, "server", OVD_LINE_MAX);
    answer->port = (int)ovd__int(in, aps, "port", 1, 65535, 0);
    answer->location = ovd__str(in, aps, "location", OVD_LINE_MAX);
    if (!answer->protocol || !answer->server || answer->port == 0 || !answer->location)
        ovd__refuse(in, aps, "aps needs protocol, server, port and location");
}

int ovd_session_answer_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                             struct ovd_session_answer *ret_answer)
{
    struct ovd_session_answer answer = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-session-answer", "session", data, len, problem, arg);
    int r;

    if (root)
        read_answer(&in, root, &answer);
    r = ovd__close(&in);
    if (r < 0)
        ovd_session_answer_finish(&answer);
    else
        *ret_answer = answer;
    return r;
}

int ovd_session_answer_build(const struct ovd_session_answer *answer, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, OVD_DECLARATION "<session");
    ovd__put_word(&w, "mode", ovd_mode_words, ARRAY_SIZE(ovd_mode_words), (int)answer->mode);
    ovd__put_word(&w, "shareable", booleans, 2, answer->shareable);
    ovd__put_word(&w, "persistent", booleans, 2, answer->persistent);
    ovd__raw(&w, "><aps");
    ovd__put(&w, "protocol", answer->protocol);
    ovd__put(&w, "server", answer->server);
    ovd__put_int(&w, "port", answer->port);
    ovd__put(&w, "location", answer->location);
    ovd__raw(&w, "/></session>\n");
    return ovd__end(&w);
}

void ovd_session_answer_finish(struct ovd_session_answer *answer)
{
    if (!answer)
        return;
    free(answer->protocol);
    free(answer->server);
    free(answer->location);
    *answer = (struct ovd_session_answer){0};
}
