/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arguments of startsession.php, as far as the configuration lets them count, over its defaults. */
#include <ctype.h>
#include <inttypes.h>

#include "base/str.h"
#include "ovd/session_manager/manager_priv.h"

#define LANGUAGE_MAX 31

static void set(json_t *settings, enum ovd_setting setting, const char *value)
{
    if (value && *value)
        json_object_set_new(settings, ovd_setting_name(setting), json_string(value));
}

static bool is_honoured(const struct manager *m, const char *name)
{
    size_t name_len = strlen(name);
    for (const char *p = config_str(m->s.config, "ovd.honouredArguments"); *p;) {
        p += strspn(p, ", \t");
        size_t len = strcspn(p, ", \t");
        if (len == name_len && strncmp(p, name, len) == 0)
            return true;
        p += len;
    }
    return false;
}

/* The argument when it is there and counts, else the fallback. */
static const char *take(const struct manager *m, const struct args *args, const char *name,
                        const char *fallback)
{
    const char *value = is_honoured(m, name) ? sm_args_get(args, name) : NULL;
    return value && *value ? value : fallback;
}

/* Any value but "0" switches on. */
static bool take_switch(const struct manager *m, const struct args *args, const char *name, bool fallback)
{
    const char *value = is_honoured(m, name) ? sm_args_get(args, name) : NULL;
    return value ? strcmp(value, "0") != 0 : fallback;
}

/* Countries of languages whose code is not the country's. */
static const char *country_of(const char *language)
{
    static const char *const table[][2] = {
        {"en", "GB"}, {"cs", "CZ"}, {"da", "DK"}, {"el", "GR"}, {"et", "EE"}, {"ja", "JP"}, {"ko", "KR"},
        {"nb", "NO"}, {"sl", "SI"}, {"sv", "SE"}, {"uk", "UA"}, {"zh", "CN"}, {"ar", "EG"}, {"he", "IL"},
        {"fa", "IR"}, {"ca", "ES"}, {"eu", "ES"}, {"gl", "ES"}, {"vi", "VN"}, {"hi", "IN"}};
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (strcmp(table[i][0], language) == 0)
            return table[i][1];
    }
    return NULL;
}

static bool read_language(const char *text, char ret_locale[32])
{
    char language[3] = "", country[3] = "";
    for (size_t i = 0; i < 2; i++) {
        if (!isalpha((unsigned char)text[i]))
            return false;
        language[i] = (char)tolower((unsigned char)text[i]);
    }
    text += 2;
    if (*text == '_' || *text == '-') {
        for (size_t i = 0; i < 2; i++) {
            if (!isalpha((unsigned char)text[i + 1]))
                return false;
            country[i] = (char)toupper((unsigned char)text[i + 1]);
        }
        text += 3;
    }
    if (*text && *text != '.' && *text != '@')
        return false;
    const char *known = country_of(language);
    for (size_t i = 0; i < 2 && !country[0]; i++)
        country[i] = known ? known[i] : (char)toupper((unsigned char)language[i]);
    if (!country[1])
        country[1] = known ? known[1] : (char)toupper((unsigned char)language[1]);
    stpcpy(stpcpy(stpcpy(stpcpy(ret_locale, language), "_"), country), ".UTF-8");
    return true;
}

void sm_wish_language(const char *text, const char *fallback, char ret_locale[32])
{
    if ((!text || !read_language(text, ret_locale)) && !read_language(fallback, ret_locale))
        stpcpy(ret_locale, "en_GB.UTF-8");
}

static int read_mode(const struct manager *m, const struct args *args, enum ovd_mode *ret_mode)
{
    const char *word = take(m, args, "session_mode", config_str(m->s.config, "ovd.defaultMode"));
    for (size_t i = OVD_MODE_DESKTOP; i <= OVD_MODE_EXTERNAL; i++) {
        if (strcmp(word, ovd_mode_words[i]) == 0) {
            *ret_mode = (enum ovd_mode)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int read_start_app(struct manager *m, const struct args *args, const json_t *apps, struct wish *wish)
{
    const char *number = take(m, args, "start_app", NULL);
    if (!number)
        return wish->mode == OVD_MODE_EXTERNAL ? -EINVAL : 0;
    int r = sm_application_by_number(m, number, wish->start_app);
    if (r == -ENOENT || (r == 0 && !sm_applications_have(apps, wish->start_app)))
        return -EINVAL;
    if (r < 0)
        return r;
    set(wish->settings, OVD_SETTING_START_APP_ID, number);
    set(wish->settings, OVD_SETTING_START_APP_ARGS, take(m, args, "start_app_args", NULL));
    return 0;
}

static void read_proxy(const struct manager *m, const struct args *args, json_t *settings)
{
    static const struct {
        const char *name;
        enum ovd_setting setting;
    } table[] = {
        {"proxy_type", OVD_SETTING_PROXY_TYPE},         {"proxy_host", OVD_SETTING_PROXY_HOST},
        {"proxy_port", OVD_SETTING_PROXY_PORT},         {"proxy_username", OVD_SETTING_PROXY_USERNAME},
        {"proxy_password", OVD_SETTING_PROXY_PASSWORD},
    };
    const char *host = sm_args_get(args, "proxy_host");
    if (!config_bool(m->s.config, "ovd.allowProxy") || !host || !*host)
        return;
    set(settings, OVD_SETTING_ENABLE_PROXY, "1");
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        set(settings, table[i].setting, sm_args_get(args, table[i].name));
}

static void read_time(const struct manager *m, json_t *settings)
{
    int64_t limit = config_int(m->s.config, "ovd.sessionTimeoutMs");
    if (limit < 0)
        return;
    cleanup_free char *end = xasprintf("%" PRId64, (sm_manager_now_ms() + limit) / 1000);
    set(settings, OVD_SETTING_TIMEOUT, end);
    set(settings, OVD_SETTING_TIMEOUT_MESSAGE, config_str(m->s.config, "ovd.timeoutMessage"));
}

static void read_switches(const struct manager *m, const struct args *args, struct wish *wish)
{
    const struct config *config = m->s.config;
    json_t *settings = wish->settings;
    bool external = wish->mode == OVD_MODE_EXTERNAL;
    set(settings, OVD_SETTING_POPUP, take_switch(m, args, "popup", true) ? "1" : "0");
    if (take_switch(m, args, "debug", false))
        set(settings, OVD_SETTING_DEBUG, "1");
    if (!external && take_switch(m, args, "persistent", config_bool(config, "ovd.persistent")))
        set(settings, OVD_SETTING_PERSISTENT, "1");
    if (!external && take_switch(m, args, "shareable", config_bool(config, "ovd.shareable")))
        set(settings, OVD_SETTING_SHAREABLE, "1");
    if (take_switch(m, args, "desktop_icons", config_bool(config, "ovd.desktopIcons")))
        set(settings, OVD_SETTING_DESKTOP_ICONS, "1");
    if (config_bool(m->s.config, "ovd.allowShell"))
        set(settings, OVD_SETTING_ALLOW_SHELL, "1");
    if (take_switch(m, args, "app_with_desktop", config_bool(config, "ovd.appWithDesktop")))
        set(settings, OVD_SETTING_APP_WITH_DESKTOP, "1");
}

static void read_words(const struct manager *m, const struct args *args, const struct identity_user *user,
                       json_t *settings)
{
    const struct config *config = m->s.config;
    const char *client = sm_args_get(args, "client");
    char locale[LANGUAGE_MAX + 1];
    sm_wish_language(take(m, args, "language", NULL), config_str(config, "ovd.defaultLanguage"), locale);
    set(settings, OVD_SETTING_CLIENT, client && *client ? client : "unknown");
    set(settings, OVD_SETTING_USER_LOGIN, user->username);
    set(settings, OVD_SETTING_USER_DISPLAYNAME, user->display_name[0] ? user->display_name : user->username);
    set(settings, OVD_SETTING_LOCALE, locale);
    set(settings, OVD_SETTING_WINDOWS_KEYMAP,
        take(m, args, "windows_keymap", config_str(config, "ovd.defaultKeymap")));
    set(settings, OVD_SETTING_QUALITY, take(m, args, "quality", config_str(config, "ovd.defaultQuality")));
    set(settings, OVD_SETTING_TIMEZONE, sm_args_get(args, "timezone"));
}

/* Every value goes into an attribute and from there into a shell's reach on a legacy server. */
static bool are_lines(json_t *settings)
{
    const char *name;
    json_t *value;
    json_object_foreach(settings, name, value)
    {
        const char *text = json_string_value(value);
        if (strlen(text) > OVD_LINE_MAX || !str_is_utf8(text, strlen(text), true))
            return false;
    }
    return true;
}

int sm_wish_read(struct manager *m, const struct args *args, const struct identity_user *user,
                 const json_t *apps, struct wish *ret_wish)
{
    struct wish wish = {.settings = json_object()};
    const char *server = is_honoured(m, "server") ? sm_args_get(args, "force") : NULL;
    read_words(m, args, user, wish.settings);
    int r = read_mode(m, args, &wish.mode);
    if (r == 0)
        r = read_start_app(m, args, apps, &wish);
    if (r == 0 && server)
        r = str_copy(wish.server, sizeof(wish.server), server) < 0 ? -EINVAL : 0;
    if (r == 0) {
        read_switches(m, args, &wish);
        read_proxy(m, args, wish.settings);
        r = are_lines(wish.settings) ? 0 : -EINVAL;
        read_time(m, wish.settings);
    }
    if (r < 0)
        sm_wish_finish(&wish);
    else
        *ret_wish = wish;
    return r;
}

void sm_wish_finish(struct wish *wish)
{
    json_decref(wish->settings);
    wish->settings = NULL;
}
