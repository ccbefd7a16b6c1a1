/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/agent.h"

#include "base/str.h"
#include "ovd/message/message_priv.h"

static const char *const booleans[] = {"false", "true"};
static const char *const roots[] = {"user", "session", "error"};

static void read_agent(struct ovd_reader *in, const struct xml_node *root, struct ovd_agent *agent)
{
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
        if (str_eq(xml_name(root), roots[i]))
            agent->kind = (enum ovd_agent_kind)i;
    }
    agent->id = ovd__str(in, root, "id", OVD_LINE_MAX);
    agent->logged_in = ovd__word(in, root, "loggedin", booleans, 2, 0) == 1;
    agent->status = ovd__str(in, root, "status", OVD_ID_MAX);
    if (!agent->id)
        ovd__refuse(in, root, "the agent's answer needs id");
}

int ovd_agent_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                    struct ovd_agent *ret_agent)
{
    struct ovd_agent agent = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-agent", NULL, data, len, problem, arg);
    int r;

    if (root)
        read_agent(&in, root, &agent);
    r = ovd__close(&in);
    if (r < 0)
        ovd_agent_finish(&agent);
    else
        *ret_agent = agent;
    return r;
}

int ovd_agent_build(const struct ovd_agent *agent, struct buf *out)
{
    struct ovd_writer w;

    if ((size_t)agent->kind >= ARRAY_SIZE(roots))
        return -EINVAL;
    ovd__begin(&w, out);
    /* The declaration of Python's minidom, which pretty-prints these. */
    ovd__raw(&w, "<?xml version=\"1.0\" ?>\n<");
    ovd__raw(&w, roots[agent->kind]);
    ovd__put(&w, "id", agent->id);
    if (agent->kind == OVD_AGENT_USER)
        ovd__put_word(&w, "loggedin", booleans, 2, agent->logged_in);
    if (agent->kind == OVD_AGENT_SESSION)
        ovd__put(&w, "status", agent->status);
    ovd__raw(&w, "/>\n");
    return ovd__end(&w);
}

void ovd_agent_finish(struct ovd_agent *agent)
{
    if (!agent)
        return;
    free(agent->id);
    free(agent->status);
    *agent = (struct ovd_agent){0};
}
