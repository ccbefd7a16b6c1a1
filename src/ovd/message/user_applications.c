/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/user_applications.h"

#include "ovd/message/message_priv.h"

static void read_application(struct ovd_reader *in, const struct xml_node *node,
                             struct ovd_user_application *application)
{
    const struct xml_node *mime = xml_first(node, "mime");

    application->id = ovd__int(in, node, "id", 1, INT64_MAX, 0);
    application->name = ovd__str(in, node, "name", OVD_LINE_MAX);
    if (application->id == 0 || !application->name)
        ovd__refuse(in, node, "an application needs id and name");
    application->mime_types = ovd__array(in, node, "mime", sizeof(*application->mime_types),
                                         OVD_MIME_TYPES_MAX, &application->mime_type_count);
    for (size_t i = 0; i < application->mime_type_count; i++, mime = xml_next(mime, "mime")) {
        application->mime_types[i] = ovd__str(in, mime, "type", OVD_LINE_MAX);
        if (!application->mime_types[i])
            ovd__refuse(in, mime, "mime needs type");
    }
}

int ovd_user_applications_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                                struct ovd_user_applications *ret_applications)
{
    struct ovd_user_applications list = {0};
    struct ovd_reader in;
    const struct xml_node *root =
        ovd__open(&in, "ovd-user-applications", "applications", data, len, problem, arg);
    int r;

    if (root) {
        const struct xml_node *node = xml_first(root, "application");

        list.applications = ovd__array(&in, root, "application", sizeof(*list.applications),
                                       OVD_APPLICATIONS_MAX, &list.count);
        for (size_t i = 0; i < list.count; i++, node = xml_next(node, "application"))
            read_application(&in, node, &list.applications[i]);
    }
    r = ovd__close(&in);
    if (r < 0)
        ovd_user_applications_finish(&list);
    else
        *ret_applications = list;
    return r;
}

static void put_application(struct ovd_writer *w, const struct ovd_user_application *application)
{
    ovd__raw(w, "<application");
    ovd__put_int(w, "id", application->id);
    ovd__put(w, "name", application->name);
    ovd__raw(w, application->mime_type_count > 0 ? ">" : "/>");
    for (size_t i = 0; i < application->mime_type_count; i++) {
        ovd__raw(w, "<mime");
        ovd__put(w, "type", application->mime_types[i]);
        ovd__raw(w, "/>");
    }
    ovd__raw(w, application->mime_type_count > 0 ? "</application>" : "");
}

int ovd_user_applications_build(const struct ovd_user_applications *applications, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, applications->count > 0 ? "<applications>" : "<applications/>");
    for (size_t i = 0; i < applications->count; i++)
        put_application(&w, &applications->applications[i]);
    ovd__raw(&w, applications->count > 0 ? "</applications>" : "");
    return ovd__end(&w);
}

void ovd_user_applications_finish(struct ovd_user_applications *applications)
{
    if (!applications)
        return;
    for (size_t i = 0; i < applications->count; i++) {
        struct ovd_user_application *application = &applications->applications[i];

        free(application->name);
        for (size_t k = 0; k < application->mime_type_count; k++)
            free(application->mime_types[k]);
        free(application->mime_types);
    }
    free(applications->applications);
    *applications = (struct ovd_user_applications){0};
}
