/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Applications under the numbers that legacy systems know them by. A number is made when it is needed first
 * and never given to another application. */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "ovd/message/application.h"
#include "ovd/message/user_applications.h"
#include "ovd/session_manager/manager_priv.h"

#define ANSWER_MAX ((size_t)4 * 1024 * 1024)

static int find_number(struct store_txn *txn, const char *app_id, int64_t *ret_number)
{
    cleanup_rows struct store_rows *rows = NULL;
    int r = store_query_one(txn, &rows, "SELECT number FROM ovd_applications WHERE application_id = $1", "s",
                            app_id);
    if (r > 0)
        *ret_number = store_int(rows, 0);
    return r;
}

int sm_application_number(struct manager *m, const char *app_id, int64_t *ret_number)
{
    struct store_txn *txn = NULL;
    int r = store_begin(m->s.store, false, &txn);
    if (r < 0)
        return r;
    r = find_number(txn, app_id, ret_number);
    store_rollback(txn);
    if (r != 0)
        return r < 0 ? r : 0;
    r = store_begin(m->s.store, true, &txn);
    if (r < 0)
        return r;
    r = store_exec(txn,
                   "INSERT INTO ovd_applications (number, application_id)"
                   " SELECT COALESCE(MAX(number), 0) + 1, $1 FROM ovd_applications WHERE true"
                   " ON CONFLICT (application_id) DO NOTHING",
                   "s", app_id);
    if (r >= 0)
        r = find_number(txn, app_id, ret_number);
    if (r <= 0) {
        store_rollback(txn);
        return r < 0 ? r : -EIO;
    }
    return store_commit(txn);
}

int sm_application_by_number(struct manager *m, const char *number, char ret_app_id[SECRET_ID_LEN])
{
    struct store_txn *txn = NULL;
    struct store_rows *rows = NULL;
    int64_t value;
    if (str_to_int(number, 1, INT64_MAX, &value) < 0)
        return -ENOENT;
    int r = store_begin(m->s.store, false, &txn);
    if (r < 0)
        return r;
    r = store_query_one(txn, &rows, "SELECT application_id FROM ovd_applications WHERE number = $1", "i",
                        value);
    r = r == 0 ? -ENOENT : r > 0 ? store_copy(rows, 0, ret_app_id, SECRET_ID_LEN) : r;
    store_rows_free(rows);
    store_rollback(txn);
    return r;
}

bool sm_applications_have(const json_t *list, const char *app_id)
{
    size_t i;
    const json_t *app;
    json_array_foreach(list, i, app)
    {
        if (str_eq(json_string_value(json_object_get(app, "id")), app_id))
            return true;
    }
    return false;
}

int sm_applications_of_user(struct manager *m, const char *user_id, json_t **ret_list)
{
    cleanup_json json_t *workspaces = NULL;
    cleanup_json json_t *list = json_array();
    size_t i, k;
    json_t *workspace, *app;
    int r = identity_entitlements(m->s.identity, user_id, &workspaces);
    if (r < 0)
        return r;
    json_array_foreach(workspaces, i,
                       workspace){json_array_foreach(json_object_get(workspace, "applications"), k, app){
        if (json_array_size(list) < OVD_APPLICATIONS_MAX &&
            !sm_applications_have(list, json_string_value(json_object_get(app, "id"))))
            json_array_append(list, app);
}
}
*ret_list = json_incref(list);
return 0;
}

static void answer_xml(struct http_request *r, struct buf *out)
{
    http_add_header(r, "Cache-Control", "no-store");
    http_answer(r, 200, MANAGER_XML, out->data, out->len);
}

static int list_applications(struct manager *m, const json_t *apps, struct ovd_user_applications *list)
{
    size_t i;
    const json_t *app;
    list->applications = calloc(json_array_size(apps) + 1, sizeof(*list->applications));
    if (!list->applications)
        return -ENOMEM;
    json_array_foreach(apps, i, app)
    {
        struct ovd_user_application *to = &list->applications[list->count++];
        to->name = xstrdup(json_string_value(json_object_get(app, "name")));
        int r = sm_application_number(m, json_string_value(json_object_get(app, "id")), &to->id);
        if (r < 0)
            return r;
    }
    return 0;
}

/* For external portals. Whatever is wrong, the answer is 200 and empty. */
static void answer_user_applications(struct http_request *r, void *ctx)
{
    struct manager *m = ctx;
    struct args args = {0};
    struct identity_user user;
    cleanup_json json_t *apps = NULL;
    struct ovd_user_applications list = {0};
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    int result = sm_args_read(r, &args);
    if (result == 0)
        result = sm_login_user(m, r, &args, &user);
    if (result == 0)
        result = sm_applications_of_user(m, user.id, &apps);
    if (result == 0)
        result = list_applications(m, apps, &list);
    if (result == 0)
        result = ovd_user_applications_build(&list, &out);
    if (result == 0)
        answer_xml(r, &out);
    else
        sm_manager_say(r, "");
    ovd_user_applications_finish(&list);
    buf_finish(&out);
    sm_args_finish(&args);
}

static void answer_user_icon(struct http_request *r, void *ctx)
{
    struct manager *m = ctx;
    struct args args = {0};
    struct identity_user user;
    char app_id[SECRET_ID_LEN];
    cleanup_json json_t *apps = NULL;
    int result = sm_args_read(r, &args);
    const char *id = sm_args_get(&args, "id");
    if (result == 0)
        result = id ? sm_login_user(m, r, &args, &user) : -EINVAL;
    if (result == 0)
        result = sm_application_by_number(m, id, app_id);
    if (result == 0)
        result = sm_applications_of_user(m, user.id, &apps);
    if (result == 0 && sm_applications_have(apps, app_id))
        http_answer(r, 200, "image/png", sm_icon_png, sm_icon_png_len);
    else
        sm_manager_say(r, "");
    sm_args_finish(&args);
}

static void refuse_user(struct http_request *r, void *ctx)
{
    (void)ctx;
    sm_manager_say(r, "");
}

void sm_route_user_applications(struct http_request *r, void *ctx)
{
    sm_turn_wait(ctx, SM_LANE_LOGIN, r, answer_user_applications, refuse_user);
}

void sm_route_user_icon(struct http_request *r, void *ctx)
{
    sm_turn_wait(ctx, SM_LANE_LOGIN, r, answer_user_icon, refuse_user);
}

/* The application that a server asks for; false after answering. */
static bool asked_application(struct manager *m, struct http_request *r, unsigned unknown,
                              struct identity_application *ret_app, int64_t *ret_number)
{
    struct args args = {0};
    char app_id[SECRET_ID_LEN], name[FQDN_SIZE];
    bool found = false;
    int result = sm_args_read(r, &args);
    const char *id = form_get(&args.query, "id"), *fqdn = form_get(&args.query, "fqdn");
    if (result < 0 || !id) {
        sm_manager_answer(r, 400, MANAGER_TEXT, "");
    } else if (!fqdn) {
        sm_manager_say(r, "ERROR - NO $_GET['fqdn']");
    } else if (sm_server_name(fqdn, name) < 0) {
        sm_manager_say(r, "Server not authorized");
    } else if (sm_server_check(m, r, name)) {
        result = sm_application_by_number(m, id, app_id);
        if (result == 0)
            result = identity_application(m->s.identity, app_id, ret_app);
        if (result == 0)
            result = str_to_int(id, 1, INT64_MAX, ret_number);
        found = result == 0;
        if (!found)
            sm_manager_answer(r, unknown, MANAGER_TEXT, "");
    }
    sm_args_finish(&args);
    return found;
}

void sm_route_server_application(struct http_request *r, void *ctx)
{
    struct identity_application app;
    struct buf out;
    int64_t number;
    if (!asked_application(ctx, r, 404, &app, &number))
        return;
    cleanup_free char *command =
        app.arguments[0] ? xasprintf("%s %s", app.executable, app.arguments) : xstrdup(app.executable);
    const struct ovd_application message = {.id = number,
                                            .name = app.name,
                                            .description = app.description,
                                            .type = OVD_APPLICATION_LINUX,
                                            .published = true,
                                            .command = command,
                                            .icon = app.icon[0] ? app.icon : NULL};
    buf_init(&out, ANSWER_MAX);
    if (ovd_application_build(&message, &out) == 0)
        answer_xml(r, &out);
    else
        sm_manager_answer(r, 404, MANAGER_TEXT, "");
    buf_finish(&out);
}

void sm_route_server_icon(struct http_request *r, void *ctx)
{
    struct identity_application app;
    int64_t number;
    if (asked_application(ctx, r, 400, &app, &number))
        http_answer(r, 200, "image/png", sm_icon_png, sm_icon_png_len);
}
