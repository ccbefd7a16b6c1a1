/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/server_applications.h"

#include "ovd/message/message_priv.h"

static void read_application(struct ovd_reader *in, const struct xml_node *node,
                             struct ovd_server_application *application)
{
    const struct xml_node *executable = ovd__only(in, node, "executable", true);

    application->name = ovd__str(in, node, "name", OVD_LINE_MAX);
    application->description = ovd__str(in, node, "description", OVD_TEXT_MAX);
    application->package = ovd__str(in, node, "package", OVD_LINE_MAX);
    application->desktopfile = ovd__str(in, node, "desktopfile", OVD_LINE_MAX);
    application->command = ovd__str(in, executable, "command", OVD_LINE_MAX);
    application->icon = ovd__str(in, executable, "icon", OVD_LINE_MAX);
    application->mimetypes = ovd__str(in, executable, "mimetypes", OVD_TEXT_MAX);
    if (!application->name || !application->command)
        ovd__refuse(in, node, "an application needs name and command");
}

int ovd_server_applications_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                                  struct ovd_server_applications *ret_applications)
{
    struct ovd_server_applications list = {0};
    struct ovd_reader in;
    const struct xml_node *root =
        ovd__open(&in, "ovd-server-applications-received", "applications", data, len, problem, arg);
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
        ovd_server_applications_finish(&list);
    else
        *ret_applications = list;
    return r;
}

int ovd_server_applications_build(const struct ovd_server_applications *applications, struct buf *out)
{
    struct ovd_writer w;

    ovd__begin(&w, out);
    ovd__raw(&w, "<applications>\n");
    for (size_t i = 0; i < applications->count; i++) {
        const struct ovd_server_application *application = &applications->applications[i];

        ovd__raw(&w, " <application");
        ovd__put(&w, "name", application->name);
        ovd__put(&w, "description", application->description);
        ovd__put(&w, "package", application->package);
        ovd__put(&w, "desktopfile", application->desktopfile);
        ovd__raw(&w, ">\n  <executable");
        ovd__put(&w, "command", application->command);
        ovd__put(&w, "icon", application->icon);
        ovd__put(&w, "mimetypes", application->mimetypes);
        ovd__raw(&w, "/>\n </application>\n");
    }
    ovd__raw(&w, "</applications>\n");
    return ovd__end(&w);
}

void ovd_server_applications_finish(struct ovd_server_applications *applications)
{
    if (!applications)
        return;
    for (size_t i = 0; i < applications->count; i++) {
        struct ovd_server_application *application = &applications->applications[i];

        free(application->name);
        free(application->description);
        free(application->package);
        free(application->desktopfile);
        free(application->command);
        free(application->icon);
        free(application->mimetypes);
    }
    free(applications->applications);
    *applications = (struct ovd_server_applications){0};
}

char *ovd_command_clean(const char *command)
{
    char *clean = xcalloc(strlen(command) + 1, 1);
    size_t len = 0, start;

    for (; *command; command++) {
        if (*command == '%' && command[1] && strchr("Uucifm", command[1]))
            command++;
        else if (*command != '"')
            clean[len++] = *command;
    }
    while (len > 0 && strchr(" \t\r\n", clean[len - 1]))
        len--;
    clean[len] = '\0';
    start = strspn(clean, " \t\r\n");
    memmove(clean, clean + start, len - MIN(start, len) + 1);
    return clean;
}
