/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The note: a session as the JSON object that the host keeps with it. It holds passwords, as the journal's
 * file may (0600 in a directory of mode 0700); cookies are in it as hashes only. What is read comes from this
 * program's own file and is still checked in every part: a note that is wrong somewhere is none. Limits:
 * APS_VISITORS_MAX, APS_GUESTS_MAX, POOL_INSTANCES_MAX, OVD_APPLICATIONS_MAX, and HOST_NOTE_MAX as a whole.
 * Of the menu only the numbers of its applications are kept. */
#include <utlist.h>

#include "base/clock.h"
#include "base/str.h"
#include "ovd/application_server/aps_priv.h"

#define VERSION 1
#define TIME_MAX INT64_C(253402300799) /* the year 9999 */
#define EMAIL_MAX OVD_LINE_MAX
#define SIDE_MAX 65535

/* ---- writing ---- */

static json_t *write_settings(const struct aps_session *session)
{
    json_t *object = json_object();
    for (size_t i = 0; i < OVD_SETTING_COUNT; i++) {
        if (session->settings[i])
            json_object_set_new(object, ovd_setting_name((enum ovd_setting)i),
                                json_string(session->settings[i]));
    }
    return object;
}

static json_t *write_menu(const struct aps_session *session)
{
    json_t *list = json_array();
    for (size_t i = 0; i < session->menu_count; i++)
        json_array_append_new(list, json_integer(session->menu[i].id));
    return list;
}

static json_t *write_instances(const struct aps_session *session)
{
    json_t *list = json_array();
    const struct aps_instance *instance;
    DL_FOREACH(session->instances, instance)
    {
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:i, s:i, s:i, s:i}", "id", instance->id,
                                              "app", instance->app_id, "ownDisplay", instance->own_display,
                                              "status", instance->status, "width", instance->width, "height",
                                              instance->height, "port", (int)instance->port));
    }
    return list;
}

static json_t *write_guests(const struct aps_session *session)
{
    json_t *list = json_array();
    const struct aps_guest *guest;
    DL_FOREACH(session->guests, guest)
    {
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:b}", "token", guest->token, "email",
                            guest->email, "mode", ovd_guest_mode_words[guest->mode], "access",
                            guest->access_id, "password", guest->rfb_password, "invited",
                            (json_int_t)guest->invited, "joined", guest->joined, "left", guest->left));
    }
    return list;
}

static json_t *write_visitors(const struct aps_session *session)
{
    json_t *list = json_array();
    struct aps_visitor *visitor, *next;
    HASH_ITER(hh, session->aps->visitors, visitor, next)
    {
        if (visitor->session != session)
            continue;
        json_array_append_new(list,
                              json_pack("{s:s, s:s?, s:b, s:s, s:i, s:i, s:I}", "key", visitor->key, "guest",
                                        visitor->guest ? visitor->guest->token : NULL, "lost", visitor->lost,
                                        "type", ovd_token_type_words[visitor->type], "width", visitor->width,
                                        "height", visitor->height, "seen", (json_int_t)visitor->seen));
    }
    return list;
}

json_t *aps_note_write(const struct aps_session *session)
{
    return json_pack("{s:i, s:s, s:s, s:b, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
                     "ovdApplicationServer", VERSION, "id", session->ovd_id, "mode",
                     ovd_mode_words[session->mode], "owned", session->owned, "argument",
                     session->argument ? session->argument : "", "ownApp", session->own_app, "opened",
                     (json_int_t)session->opened, "printAnnounced", (json_int_t)session->print_announced,
                     "sshUser", session->ssh_user, "sshPassword", session->ssh_password, "password",
                     session->rfb_password, "settings", write_settings(session), "menu", write_menu(session),
                     "instances", write_instances(session), "guests", write_guests(session), "visitors",
                     write_visitors(session));
}

/* ---- reading ---- */

/* Every reader goes on after an error and gives nothing then: one place asks at the end. */
struct reader {
    const json_t *object;
    bool bad;
};

static const char *text(struct reader *in, const char *name, size_t max)
{
    char error[JSON_ERROR_LEN];
    const char *value = "";
    if (json_get_string(in->object, name, max, &value, error) < 0)
        in->bad = true;
    return value;
}

static void copy(struct reader *in, const char *name, char *ret_text, size_t size)
{
    if (str_copy(ret_text, size, text(in, name, size - 1)) < 0)
        in->bad = true;
}

static int64_t number(struct reader *in, const char *name, int64_t min, int64_t max)
{
    char error[JSON_ERROR_LEN];
    int64_t value = min;
    if (json_get_int(in->object, name, min, max, &value, error) < 0)
        in->bad = true;
    return value;
}

static bool truth(struct reader *in, const char *name)
{
    char error[JSON_ERROR_LEN];
    bool value = false;
    if (json_get_bool(in->object, name, &value, error) < 0)
        in->bad = true;
    return value;
}

static size_t word(struct reader *in, const char *name, const char *const *words, size_t count)
{
    const char *value = text(in, name, 32);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(words[i], value))
            return i;
    }
    in->bad = true;
    return 0;
}

static const json_t *list(struct reader *in, const char *name, size_t max)
{
    char error[JSON_ERROR_LEN];
    const json_t *value = NULL;
    if (json_get_array(in->object, name, max, &value, error) < 0)
        in->bad = true;
    return value;
}

static void read_settings(struct reader *in, struct aps_session *session)
{
    const json_t *settings = json_object_get(in->object, "settings");
    in->bad |= !json_is_object(settings);
    for (size_t i = 0; i < OVD_SETTING_COUNT; i++) {
        const json_t *value = json_object_get(settings, ovd_setting_name((enum ovd_setting)i));
        if (!value)
            continue;
        in->bad |= !json_is_string(value) || json_string_length(value) > OVD_TEXT_MAX;
        if (!in->bad)
            aps_session_set(session, (enum ovd_setting)i, json_string_value(value));
    }
}

static void read_menu(struct reader *in, struct aps_session *session)
{
    const json_t *ids = list(in, "menu", OVD_APPLICATIONS_MAX), *id;
    size_t i;
    session->menu = xcalloc(json_array_size(ids) + 1, sizeof(*session->menu));
    json_array_foreach(ids, i, id)
    {
        in->bad |= !json_is_integer(id);
        session->menu[session->menu_count++] =
            (struct ovd_menu_item){.id = json_integer_value(id), .is_virtual = true};
    }
}

static void read_instance(struct reader *in, struct aps_session *session)
{
    struct aps_instance *instance = xcalloc(1, sizeof(*instance));
    copy(in, "id", instance->id, sizeof(instance->id));
    copy(in, "app", instance->app_id, sizeof(instance->app_id));
    instance->own_display = truth(in, "ownDisplay");
    instance->status = (int)number(in, "status", APS_INSTANCE_ORDERED, APS_INSTANCE_TO_RESUME);
    instance->width = (int)number(in, "width", 0, SIDE_MAX);
    instance->height = (int)number(in, "height", 0, SIDE_MAX);
    instance->port = (unsigned)number(in, "port", 0, 1000000);
    in->bad |= !ovd_id_is_valid(instance->id) || !ovd_instance_status_is_known(instance->status);
    if (in->bad)
        free(instance);
    else
        DL_APPEND(session->instances, instance);
}

static void read_guest(struct reader *in, struct aps_session *session)
{
    char token[POOL_PARTICIPANT_LEN], access_id[POOL_INSTANCE_LEN];
    copy(in, "token", token, sizeof(token));
    copy(in, "access", access_id, sizeof(access_id));
    enum ovd_guest_mode mode =
        (enum ovd_guest_mode)word(in, "mode", ovd_guest_mode_words, ARRAY_SIZE(ovd_guest_mode_words));
    const char *email = text(in, "email", EMAIL_MAX);
    struct aps_guest *guest = in->bad || aps_guest_find(session, token)
                                  ? NULL
                                  : aps_guest_new(session, token, email, mode, access_id);
    if (!guest) {
        in->bad = true;
        return;
    }
    copy(in, "password", guest->rfb_password, sizeof(guest->rfb_password));
    guest->invited = number(in, "invited", 0, TIME_MAX);
    guest->joined = truth(in, "joined");
    guest->left = truth(in, "left");
}

static bool is_key(const char *key)
{
    return strlen(key) == (size_t)SECRET_HASH_LEN * 2 &&
           str_is_token(key, "0123456789abcdef", (size_t)SECRET_HASH_LEN * 2);
}

static void read_visitor(struct reader *in, struct aps_session *session)
{
    const char *key = text(in, "key", (size_t)SECRET_HASH_LEN * 2);
    const json_t *token = json_object_get(in->object, "guest");
    struct aps_guest *guest =
        json_is_string(token) ? aps_guest_find(session, json_string_value(token)) : NULL;
    /* A guest that is not there must not become the owner. */
    in->bad |= !is_key(key) || !token || (!json_is_null(token) && !guest);
    struct aps_visitor *visitor = in->bad ? NULL : aps_visitor_restore(session, key);
    if (!visitor) {
        in->bad = true;
        return;
    }
    visitor->guest = guest;
    visitor->lost = truth(in, "lost");
    visitor->type =
        (enum ovd_token_type)word(in, "type", ovd_token_type_words, ARRAY_SIZE(ovd_token_type_words));
    visitor->width = (int)number(in, "width", 0, SIDE_MAX);
    visitor->height = (int)number(in, "height", 0, SIDE_MAX);
    visitor->seen = number(in, "seen", 0, TIME_MAX);
}

static void read_list(struct reader *in, const char *name, size_t max, struct aps_session *session,
                      void (*read)(struct reader *in, struct aps_session *session))
{
    const json_t *items = list(in, name, max), *item;
    size_t i;
    json_array_foreach(items, i, item)
    {
        struct reader one = {.object = item, .bad = !json_is_object(item)};
        if (!one.bad)
            read(&one, session);
        in->bad |= one.bad;
    }
}

struct aps_session *aps_note_read(struct aps *aps, const char *session_id, const json_t *note)
{
    struct reader in = {.object = note, .bad = !json_is_object(note)};
    char id[OVD_ID_MAX + 1];
    if (in.bad || number(&in, "ovdApplicationServer", VERSION, VERSION) != VERSION)
        return NULL;
    copy(&in, "id", id, sizeof(id));
    if (in.bad || !ovd_id_is_valid(id) || aps_session_by_ovd(aps, id) || aps_session_find(aps, session_id))
        return NULL;
    struct aps_session *session = aps_session_make(aps, session_id, id);
    if (!session)
        return NULL;
    session->mode = (enum ovd_mode)word(&in, "mode", ovd_mode_words, OVD_MODE_SHARE);
    session->owned = truth(&in, "owned");
    const char *argument = text(&in, "argument", APS_ARGUMENT_MAX);
    session->argument = *argument ? xstrdup(argument) : NULL;
    /* Notes of earlier versions have none: their own display is in the list of instances. */
    if (json_object_get(note, "ownApp"))
        copy(&in, "ownApp", session->own_app, sizeof(session->own_app));
    session->opened = number(&in, "opened", 0, TIME_MAX);
    session->print_announced = number(&in, "printAnnounced", 0, TIME_MAX);
    copy(&in, "sshUser", session->ssh_user, sizeof(session->ssh_user));
    copy(&in, "sshPassword", session->ssh_password, sizeof(session->ssh_password));
    copy(&in, "password", session->rfb_password, sizeof(session->rfb_password));
    read_settings(&in, session);
    read_menu(&in, session);
    read_list(&in, "instances", POOL_INSTANCES_MAX + 1, session, read_instance);
    read_list(&in, "guests", APS_GUESTS_MAX, session, read_guest);
    read_list(&in, "visitors", APS_VISITORS_MAX, session, read_visitor);
    if (!in.bad)
        return session;
    aps_session_free(session);
    return NULL;
}
