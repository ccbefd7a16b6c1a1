/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apps.php and icon.php: what the Session Manager knows of applications. Names are kept for a minute, a few
 * questions are under way at a time, and one list never takes longer than ovd.requestMs: what is not known by
 * then is left out. */
#include "ovd/application_server/aps_priv.h"

#include <inttypes.h>

#include <utlist.h>

#include "base/clock.h"
#include "base/str.h"
#include "ovd/message/application.h"
#include "ovd/message/apps.h"

#define FRESH_MS 60000
#define NAMES_MAX 8192
#define ASKED_MAX 4  /* by one list at a time */
#define LISTS_MAX 64 /* at a time */
#define ICONS_MAX 32
#define ANSWER_MAX ((size_t)8 * 1024 * 1024)

struct name {
    int64_t id;
    char *text;
    uint64_t known; /* monotonic ms */
    UT_hash_handle hh;
};

/* One apps.php. It lives until every question of it has its answer. */
struct list {
    struct aps *aps;
    struct http_request *r; /* NULL: answered */
    int64_t *ids;
    size_t count, next_id;
    unsigned asked;
    struct loop_timer *timer;
    struct list *prev, *next;
};

struct question {
    struct list *list;
    int64_t id;
};

struct aps_apps {
    struct name *names;
    struct list *lists;
    unsigned list_count, icon_count;
};

static struct aps_apps *apps_of(struct aps *aps)
{
    if (!aps->apps)
        aps->apps = xcalloc(1, sizeof *aps->apps);
    return aps->apps;
}

/* ---- names ---- */

static void forget(struct aps_apps *apps, struct name *name)
{
    HASH_DEL(apps->names, name);
    free(name->text);
    free(name);
}

static void forget_old(struct aps_apps *apps, uint64_t now)
{
    struct name *name, *next;
    bool full = HASH_COUNT(apps->names) >= NAMES_MAX;
    HASH_ITER(hh, apps->names, name, next)
    {
        if (full || name->known + FRESH_MS <= now)
            forget(apps, name);
    }
}

static struct name *find_name(const struct aps_apps *apps, int64_t id)
{
    struct name *name;
    HASH_FIND(hh, apps->names, &id, sizeof id, name);
    return name;
}

static void keep_name(struct aps_apps *apps, int64_t id, const char *text)
{
    struct name *name = find_name(apps, id);
    if (name)
        forget(apps, name);
    if (HASH_COUNT(apps->names) >= NAMES_MAX)
        return;
    name = xcalloc(1, sizeof *name);
    name->id = id;
    name->text = xstrdup(text);
    name->known = clock_monotonic_ms(NULL);
    HASH_ADD(hh, apps->names, id, sizeof name->id, name);
}

/* ---- apps.php ---- */

static void build(const struct list *list, struct buf *out)
{
    struct ovd_apps apps = {xcalloc(list->count + 1, sizeof *apps.apps), 0};
    for (size_t i = 0; i < list->count; i++) {
        const struct name *name = find_name(list->aps->apps, list->ids[i]);
        if (name)
            apps.apps[apps.count++] = (struct ovd_app){name->id, name->text};
    }
    if (ovd_apps_build(&apps, out) < 0)
        (void)buf_append_str(out, "<applications></applications>");
    free(apps.apps); /* the names are the cache's */
}

static void list_free(struct list *list)
{
    free(list->ids);
    free(list);
}

static void answer_list(struct list *list)
{
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    build(list, &out);
    aps_answer_xml(list->r, &out);
    buf_finish(&out);
    list->r = NULL;
    list->timer = loop_timer_destroy(list->timer);
    DL_DELETE(list->aps->apps->lists, list);
    list->aps->apps->list_count--;
}

static void ask_more(struct list *list);

static void on_application(void *arg, const char *body, size_t len, const char *type)
{
    struct question *question = arg;
    struct list *list = question->list;
    struct ovd_application application;
    (void)type;
    list->asked--;
    if (list->r && body && ovd_application_parse(body, len, NULL, NULL, &application) == 0) {
        if (application.id == question->id)
            keep_name(list->aps->apps, question->id, application.name);
        ovd_application_finish(&application);
    }
    free(question);
    if (list->r)
        ask_more(list);
    else if (list->asked == 0)
        list_free(list);
}

static int ask(struct list *list, int64_t id)
{
    cleanup_free char *query = xasprintf("id=%" PRId64, id);
    struct question *question = xcalloc(1, sizeof *question);
    *question = (struct question){list, id};
    int rc = aps_manager_get(list->aps, "application.php", query, on_application, question);
    if (rc < 0)
        free(question);
    else
        list->asked++;
    return rc;
}

/* Answers when nothing is left to be asked, and then may free the list. */
static void ask_more(struct list *list)
{
    while (list->next_id < list->count && list->asked < ASKED_MAX) {
        int64_t id = list->ids[list->next_id];
        if (!find_name(list->aps->apps, id) && ask(list, id) < 0)
            break; /* too many questions by all together: the answers to ours bring us back here, if any */
        list->next_id++;
    }
    if (list->asked > 0)
        return;
    answer_list(list);
    list_free(list);
}

static void on_late(void *arg)
{
    struct list *list = arg;
    answer_list(list);
    if (list->asked == 0)
        list_free(list);
}

static struct list *list_new(const struct aps_session *session, struct http_request *r)
{
    struct list *list = xcalloc(1, sizeof *list);
    list->aps = session->aps;
    list->r = r;
    list->ids = xcalloc(session->menu_count + 1, sizeof *list->ids);
    for (; list->count < session->menu_count; list->count++)
        list->ids[list->count] = session->menu[list->count].id;
    return list;
}

void aps_route_apps(struct http_request *r, void *ctx)
{
    struct aps *aps = ctx;
    struct aps_apps *apps = apps_of(aps);
    const struct aps_visitor *visitor = aps_visitor_of(aps, r);
    if (!visitor || visitor->guest) {
        aps_answer_critical(r);
        return;
    }
    if (apps->list_count >= LISTS_MAX) {
        aps_answer(r, 503, APS_TEXT, "");
        return;
    }
    if (!apps->lists)
        forget_old(apps, clock_monotonic_ms(NULL));
    struct list *list = list_new(visitor->session, r);
    if (loop_timer_create(aps->s.loop, on_late, list, &list->timer) < 0) {
        list_free(list);
        aps_answer(r, 503, APS_TEXT, "");
        return;
    }
    loop_timer_start(list->timer, (uint64_t)config_int(aps->s.config, "ovd.requestMs"), 0);
    DL_APPEND(apps->lists, list);
    apps->list_count++;
    http_defer(r);
    ask_more(list);
}

/* ---- icon.php ---- */

struct icon {
    struct aps *aps;
    struct http_request *r;
};

static void on_icon(void *arg, const char *body, size_t len, const char *type)
{
    static const char magic[] = "\x89PNG\r\n\x1a\n";
    struct icon *icon = arg;
    bool good = body && len > sizeof magic && memcmp(body, magic, sizeof magic - 1) == 0 &&
                str_starts_with(type, "image/png");
    if (icon->aps->apps)
        icon->aps->apps->icon_count--;
    http_answer(icon->r, 200, "image/png", good ? body : "", good ? len : 0);
    free(icon);
}

void aps_route_icon(struct http_request *r, void *ctx)
{
    struct aps *aps = ctx;
    struct aps_apps *apps = apps_of(aps);
    const char *id = aps_argument(r, "id");
    int64_t number;
    if (id && str_to_int(id, 1, INT64_MAX, &number) == 0 && apps->icon_count < ICONS_MAX) {
        cleanup_free char *query = xasprintf("id=%" PRId64, number);
        struct icon *icon = xcalloc(1, sizeof *icon);
        *icon = (struct icon){aps, r};
        if (aps_manager_get(aps, "icon.php", query, on_icon, icon) == 0) {
            apps->icon_count++;
            http_defer(r);
            return;
        }
        free(icon);
    }
    http_answer(r, 200, "image/png", "", 0);
}

void aps_apps_close(struct aps *aps)
{
    struct aps_apps *apps = aps->apps;
    struct name *name, *next;
    struct list *list, *next_list;
    if (!apps)
        return;
    DL_FOREACH_SAFE(apps->lists, list, next_list)
    {
        answer_list(list);
        if (list->asked == 0)
            list_free(list);
    }
    HASH_ITER(hh, apps->names, name, next)
    forget(apps, name);
    free(apps);
    aps->apps = NULL;
}
