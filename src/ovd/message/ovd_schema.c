/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/ovd_schema.h"

#include <pthread.h>

#include "base/paths.h"
#include "base/str.h"

static struct {
    const char *name;
    struct xml_schema *schema; /* NULL until it is asked for */
} schemas[] = {
    {"ovd-access", NULL},
    {"ovd-access-received", NULL},
    {"ovd-agent", NULL},
    {"ovd-application", NULL},
    {"ovd-application-received", NULL},
    {"ovd-aps", NULL},
    {"ovd-apps", NULL},
    {"ovd-domain", NULL},
    {"ovd-installable", NULL},
    {"ovd-invite", NULL},
    {"ovd-monitoring", NULL},
    {"ovd-monitoring-received", NULL},
    {"ovd-news", NULL},
    {"ovd-server-applications", NULL},
    {"ovd-server-applications-received", NULL},
    {"ovd-session-answer", NULL},
    {"ovd-session-token", NULL},
    {"ovd-session-token-received", NULL},
    {"ovd-start-app", NULL},
    {"ovd-user-applications", NULL},
    {"ovd-whatsup", NULL},
    {"ovd-whatsup-received", NULL},
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int load(const char *name, xml_problem_fn problem, void *arg, struct xml_schema **ret_schema)
{
    cleanup_free char *folder = NULL;
    cleanup_free char *path = NULL;
    int r = paths_asset("xml-schemas", &folder);

    if (r < 0)
        return r;
    path = xasprintf("%s/%s.xsd", folder, name);
    return xml_schema_load(path, problem, arg, ret_schema);
}

int ovd_schema_get(const char *name, xml_problem_fn problem, void *arg, struct xml_schema **ret_schema)
{
    int r = -ENOENT;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < ARRAY_SIZE(schemas); i++) {
        if (!str_eq(schemas[i].name, name))
            continue;
        r = schemas[i].schema ? 0 : load(name, problem, arg, &schemas[i].schema);
        if (r == 0)
            *ret_schema = schemas[i].schema;
        break;
    }
    pthread_mutex_unlock(&lock);
    return r;
}

int ovd_schema_load_all(xml_problem_fn problem, void *arg)
{
    struct xml_schema *schema;
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(schemas); i++)
        r = ovd_schema_get(schemas[i].name, problem, arg, &schema);
    return r;
}

int ovd_schema_check(const char *name, const char *data, size_t len, xml_problem_fn problem, void *arg)
{
    struct xml_schema *schema = NULL;
    struct xml_doc *doc = NULL;
    int r = ovd_schema_get(name, problem, arg, &schema);

    if (r == 0)
        r = xml_read(data, len, problem, arg, &doc);
    if (r == 0)
        r = xml_schema_check(schema, doc, problem, arg);
    xml_doc_free(doc);
    return r;
}

void ovd_schema_finish(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < ARRAY_SIZE(schemas); i++)
        schemas[i].schema = xml_schema_free(schemas[i].schema);
    pthread_mutex_unlock(&lock);
}
