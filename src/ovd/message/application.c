/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/application.h"

#include "ovd/message/message_priv.h"

static const char *const flags[] = {"0", "1"};

static void read_application(struct ovd_reader *in, const struct xml_node *root,
                             struct ovd_application *application)
{
    const struct xml_node *executable = ovd__only(in, root, "executable", true);

    application->id = ovd__int(in, root, "id", 1, INT64_MAX, 0);
    application->name = ovd__str(in, root, "name", OVD_LINE_MAX);
    application->description = ovd__str(in, root, "description", OVD_TEXT_MAX);
    application->type =
        ovd__word(in, root, "type", ovd_application_type_words, ARRAY_SIZE(ovd_application_type_words), 0);
    application->package = ovd__str(in, root, "package", OVD_LINE_MAX);
    application->published = ovd__word(in, root, "published", flags, 2, 0) == 1;
    application->desktopfile = ovd__str(in, root, "desktopfile", OVD_LINE_MAX);
    application->mimetypes = ovd__str(in, root, "mimetypes", OVD_TEXT_MAX);
    application->is_static = ovd__word(in, root, "static", flags, 2, 0) == 1;
    application->command = ovd__str(in, executable, "command", OVD_LINE_MAX);
    application->icon = ovd__str(in, executable, "icon", OVD_LINE_MAX);
    application->executable_mimetypes = ovd__str(in, executable, "mimetypes", OVD_TEXT_MAX);
    if (application->id == 0 || !application->name || !application->command)
        ovd__refuse(in, root, "an application needs id, name and command");
}

int ovd_application_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                          struct ovd_application *ret_application)
{
    struct ovd_application application = {0};
    struct ovd_reader in;
    const struct xml_node *root =
        ovd__open(&in, "ovd-application-received", "application", data, len, problem, arg);
    int r;

    if (root)
        read_application(&in, root, &application);
    r = ovd__close(&in);
    if (r < 0)
        ovd_application_finish(&application);
    else
        *ret_application = application;
    return r;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

int ovd_application_build(const struct ovd_application *application, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, OVD_DECLARATION "<application");
    ovd__put_int(&w, "id", application->id);
    ovd__put(&w, "name", or_empty(application->name));
    ovd__put(&w, "description", or_empty(application->description));
    ovd__put_word(&w, "type", ovd_application_type_words, ARRAY_SIZE(ovd_application_type_words),
                  (int)application->type);
    ovd__put(&w, "package", or_empty(application->package));
    ovd__put_word(&w, "published", flags, 2, application->published);
    ovd__put(&w, "desktopfile", or_empty(application->desktopfile));
    ovd__put(&w, "mimetypes", or_empty(application->mimetypes));
    ovd__put_word(&w, "static", flags, 2, application->is_static);
    ovd__raw(&w, "><executable");
    ovd__put(&w, "command", or_empty(application->command));
    ovd__put(&w, "icon", application->icon);
    ovd__put(&w, "mimetypes", application->executable_mimetypes);
    ovd__raw(&w, "/></application>\n");
    return ovd__end(&w);
}

void ovd_application_finish(struct ovd_application *application)
{
    if (!application)
        return;
    free(application->name);
    free(application->description);
    free(application->package);
    free(application->desktopfile);
    free(application->mimetypes);
    free(application->command);
    free(application->icon);
    free(application->executable_mimetypes);
    *application = (struct ovd_application){0};
}
