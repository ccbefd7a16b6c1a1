/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ovd/message/session_token.h"

#include "base/str.h"
#include "ovd/message/ids.h"
#include "ovd/message/message_priv.h"

static const char *const names[OVD_SETTING_COUNT] = {
    "client",          "user_login",       "user_displayname", "locale",
    "windows_keymap",  "quality",          "timezone",         "timeout",
    "timeout_message", "start_app_id",     "start_app_args",   "popup",
    "debug",           "persistent",       "shareable",        "desktop_icons",
    "allow_shell",     "app_with_desktop", "enable_proxy",     "proxy_type",
    "proxy_host",      "proxy_port",       "proxy_username",   "proxy_password",
    "windows_server",  "windows_login",    "windows_password", "invite_email",
    "view_only",       "access_id",
};

/* What the original's index.php asks for. */
static const enum ovd_setting needed[] = {OVD_SETTING_CLIENT, OVD_SETTING_USER_LOGIN,
                                          OVD_SETTING_USER_DISPLAYNAME, OVD_SETTING_LOCALE,
                                          OVD_SETTING_QUALITY};

static const char *const item_modes[] = {"local", "virtual"};
static const char *const flags[] = {"0", "1"};

const char *ovd_setting_name(enum ovd_setting setting)
{
    return names[setting];
}

static void read_settings(struct ovd_reader *in, const struct xml_node *root, struct ovd_session_token *token)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct xml_node *node = ovd__only(in, root, names[i], false);

        token->settings[i] = ovd__str(in, node, "value", OVD_TEXT_MAX);
    }
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        if (!token->settings[needed[i]])
            ovd__refuse(in, root, "a needed setting is missing");
    }
}

static void read_fs(struct ovd_reader *in, const struct xml_node *root, struct ovd_session_token *token)
{
    const struct xml_node *fs = ovd__only(in, root, "module_fs", true), *node;

    token->fs_type = ovd__str(in, fs, "type", OVD_ID_MAX);
    if (!token->fs_type || !*token->fs_type)
        ovd__refuse(in, fs, "module_fs needs a type");
    token->fs_params =
        ovd__array(in, fs, "param", sizeof(*token->fs_params), OVD_FS_PARAMS_MAX, &token->fs_param_count);
    node = fs ? xml_first(fs, "param") : NULL;
    for (size_t i = 0; i < token->fs_param_count; i++, node = xml_next(node, "param")) {
        token->fs_params[i].key = ovd__str(in, node, "key", OVD_ID_MAX);
        token->fs_params[i].value = ovd__str(in, node, "value", OVD_TEXT_MAX);
        if (!token->fs_params[i].key || !token->fs_params[i].value)
            ovd__refuse(in, node, "a param needs key and value");
    }
}

static void read_menu(struct ovd_reader *in, const struct xml_node *root, struct ovd_session_token *token)
{
    const struct xml_node *menu = ovd__only(in, root, "menu", true), *node;

    token->menu =
        ovd__array(in, menu, "application", sizeof(*token->menu), OVD_APPLICATIONS_MAX, &token->menu_count);
    node = menu ? xml_first(menu, "application") : NULL;
    for (size_t i = 0; i < token->menu_count; i++, node = xml_next(node, "application")) {
        struct ovd_menu_item *item = &token->menu[i];

        item->id = ovd__int(in, node, "id", 1, INT64_MAX, 0);
        item->is_virtual = ovd__word(in, node, "mode", item_modes, ARRAY_SIZE(item_modes), 0) == 1;
        item->reload = ovd__word(in, node, "reload", flags, ARRAY_SIZE(flags), 0) == 1;
        item->desktopfile = ovd__str(in, node, "desktopfile", OVD_LINE_MAX);
        if (item->id == 0 || (!item->is_virtual && !item->desktopfile))
            ovd__refuse(in, node, "an application of the menu needs id, mode and desktopfile");
    }
}

int ovd_session_token_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                            struct ovd_session_token *ret_token)
{
    struct ovd_session_token token = {0};
    struct ovd_reader in;
    const struct xml_node *root =
        ovd__open(&in, "ovd-session-token-received", "session", data, len, problem, arg);
    int r;

    if (root) {
        token.id = ovd__id(&in, root, "id");
        token.mode = ovd__word(&in, root, "mode", ovd_mode_words, ARRAY_SIZE(ovd_mode_words), 0);
        token.type = ovd__word(&in, root, "type", ovd_token_type_words, ARRAY_SIZE(ovd_token_type_words), 0);
        read_settings(&in, root, &token);
        read_fs(&in, root, &token);
        read_menu(&in, root, &token);
    }
    r = ovd__close(&in);
    if (r < 0)
        ovd_session_token_finish(&token);
    else
        *ret_token = token;
    return r;
}

static void put_setting(struct ovd_writer *w, enum ovd_setting setting, const char *value)
{
    cleanup_free char *joined = NULL;

    if (!value)
        return;
    if (setting == OVD_SETTING_USER_LOGIN || setting == OVD_SETTING_USER_DISPLAYNAME)
        joined = str_replace(value, " ", "");
    ovd__raw(w, "<");
    ovd__raw(w, names[setting]);
    ovd__put(w, "value", joined ? joined : value);
    ovd__raw(w, "/>");
}

static void put_fs(struct ovd_writer *w, const struct ovd_session_token *token)
{
    ovd__raw(w, "<module_fs");
    ovd__put(w, "type", token->fs_type);
    ovd__raw(w, token->fs_param_count > 0 ? ">" : "/>");
    for (size_t i = 0; i < token->fs_param_count; i++) {
        ovd__raw(w, "<param");
        ovd__put(w, "key", token->fs_params[i].key);
        ovd__put(w, "value", token->fs_params[i].value);
        ovd__raw(w, "/>");
    }
    ovd__raw(w, token->fs_param_count > 0 ? "</module_fs>" : "");
}

static void put_menu(struct ovd_writer *w, const struct ovd_session_token *token)
{
    ovd__raw(w, token->menu_count > 0 ? "<menu>" : "<menu/>");
    for (size_t i = 0; i < token->menu_count; i++) {
        const struct ovd_menu_item *item = &token->menu[i];

        ovd__raw(w, "<application");
        ovd__put_int(w, "id", item->id);
        ovd__put_word(w, "mode", item_modes, ARRAY_SIZE(item_modes), item->is_virtual);
        ovd__put(w, "desktopfile", item->is_virtual ? NULL : item->desktopfile);
        ovd__put(w, "reload", item->is_virtual && item->reload ? "1" : NULL);
        ovd__raw(w, "/>");
    }
    ovd__raw(w, token->menu_count > 0 ? "</menu>" : "");
}

static bool is_complete(const struct ovd_session_token *token)
{
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        if (!token->settings[needed[i]])
            return false;
    }
    for (size_t i = 0; i < token->menu_count; i++) {
        if (!token->menu[i].is_virtual && !token->menu[i].desktopfile)
            return false;
    }
    return ovd_id_is_valid(token->id) && token->fs_type;
}

int ovd_session_token_build(const struct ovd_session_token *token, struct buf *out)
{
    struct ovd_writer w;

    if (!is_complete(token))
        return -EINVAL;
    ovd__begin(&w, out);
    ovd__raw(&w, OVD_DECLARATION "<session");
    ovd__put(&w, "id", token->id);
    ovd__put_word(&w, "mode", ovd_mode_words, ARRAY_SIZE(ovd_mode_words), (int)token->mode);
    ovd__put_word(&w, "type", ovd_token_type_words, ARRAY_SIZE(ovd_token_type_words), (int)token->type);
    ovd__raw(&w, ">");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        put_setting(&w, (enum ovd_setting)i, token->settings[i]);
    put_fs(&w, token);
    put_menu(&w, token);
    ovd__raw(&w, "</session>\n");
    return ovd__end(&w);
}

void ovd_session_token_finish(struct ovd_session_token *token)
{
    if (!token)
        return;
    free(token->id);
    for (size_t i = 0; i < ARRAY_SIZE(token->settings); i++)
        ovd__free_secret(token->settings[i]);
    free(token->fs_type);
    for (size_t i = 0; i < token->fs_param_count; i++) {
        free(token->fs_params[i].key);
        ovd__free_secret(token->fs_params[i].value);
    }
    free(token->fs_params);
    for (size_t i = 0; i < token->menu_count; i++)
        free(token->menu[i].desktopfile);
    free(token->menu);
    *token = (struct ovd_session_token){0};
}
