/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/apps.h"

#include "ovd/message/message_priv.h"

static void read_apps(struct ovd_reader *in, const struct xml_node *root, struct ovd_apps *apps)
{
    const struct xml_node *node = xml_first(root, "application");

    apps->apps = ovd__array(in, root, "application", sizeof(*apps->apps), OVD_APPLICATIONS_MAX, &apps->count);
    for (size_t i = 0; i < apps->count; i++, node = xml_next(node, "application")) {
        apps->apps[i].id = ovd__int(in, node, "id", 1, INT64_MAX, 0);
        apps->apps[i].name = ovd__str(in, node, "name", OVD_LINE_MAX);
        if (apps->apps[i].id == 0 || !apps->apps[i].name)
            ovd__refuse(in, node, "an application needs id and name");
    }
}

int ovd_apps_parse(const char *data, size_t len, xml_problem_fn problem, void *arg, struct ovd_apps *ret_apps)
{
    struct ovd_apps apps = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-apps", "applications", data, len, problem, arg);
    int r;

    if (root)
        read_apps(&in, root, &apps);
    r = ovd__close(&in);
    if (r < 0)
        ovd_apps_finish(&apps);
    else
        *ret_apps = apps;
    return r;
}

int ovd_apps_build(const struct ovd_apps *apps, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, apps->count > 0 ? "<applications>" : "<applications/>");
    for (size_t i = 0; i < apps->count; i++) {
        ovd__raw(&w, "<application");
        ovd__put_int(&w, "id", apps->apps[i].id);
        ovd__put(&w, "name", apps->apps[i].name);
        ovd__raw(&w, "/>");
    }
    ovd__raw(&w, apps->count > 0 ? "</applications>" : "");
    return ovd__end(&w);
}

void ovd_apps_finish(struct ovd_apps *apps)
{
    if (!apps)
        return;
    for (size_t i = 0; i < apps->count; i++)
        free(apps->apps[i].name);
    free(apps->apps);
    *apps = (struct ovd_apps){0};
}
