/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/start_app.h"

#include "base/str.h"
#include "ovd/message/message_priv.h"

static void read_start_app(struct ovd_reader *in, const struct xml_node *root,
                           struct ovd_start_app *start_app)
{
    if (str_eq(xml_name(root), "access")) {
        start_app->access_id = ovd__id(in, root, "id");
        return;
    }
    start_app->error_number = (int)ovd__int(in, root, "errno", 0, INT32_MAX, 0);
    start_app->error_text = ovd__str(in, root, "errstr", OVD_LINE_MAX);
}

int ovd_start_app_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                        struct ovd_start_app *ret_start_app)
{
    struct ovd_start_app start_app = {0};
    struct ovd_reader in;
    const struct xml_node *root = ovd__open(&in, "ovd-start-app", NULL, data, len, problem, arg);
    int r;

    if (root)
        read_start_app(&in, root, &start_app);
    r = ovd__close(&in);
    if (r < 0)
        ovd_start_app_finish(&start_app);
    else
        *ret_start_app = start_app;
    return r;
}

int ovd_start_app_build(const struct ovd_start_app *start_app, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    if (start_app->access_id) {
        ovd__raw(&w, "<access");
        ovd__put(&w, "id", start_app->access_id);
    } else {
        ovd__raw(&w, "<error");
        ovd__put_int(&w, "errno", start_app->error_number);
        ovd__put(&w, "errstr", start_app->error_text ? start_app->error_text : "");
    }
    ovd__raw(&w, "/>");
    return ovd__end(&w);
}

void ovd_start_app_finish(struct ovd_start_app *start_app)
{
    if (!start_app)
        return;
    free(start_app->access_id);
    free(start_app->error_text);
    *start_app = (struct ovd_start_app){0};
}
