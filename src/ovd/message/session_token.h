/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a Session Manager answers to an Application Server that redeems a token (session_token.php): the
 * session, its settings, where the user's files are, and the menu. Schemas ovd-session-token and, for what is
 * received, ovd-session-token-received. */
#ifndef ISTHMUS_OVD_MESSAGE_SESSION_TOKEN_H
#define ISTHMUS_OVD_MESSAGE_SESSION_TOKEN_H

#include "base/buf.h"
#include "ovd/message/words.h"
#include "xml/xml.h"

/* In the order of the document. */
enum ovd_setting {
    OVD_SETTING_CLIENT,
    OVD_SETTING_USER_LOGIN,
    OVD_SETTING_USER_DISPLAYNAME,
    OVD_SETTING_LOCALE,
    OVD_SETTING_WINDOWS_KEYMAP,
    OVD_SETTING_QUALITY, /* for ovd_quality_read */
    OVD_SETTING_TIMEZONE,
    OVD_SETTING_TIMEOUT, /* absolute Unix time */
    OVD_SETTING_TIMEOUT_MESSAGE,
    OVD_SETTING_START_APP_ID,
    OVD_SETTING_START_APP_ARGS,
    OVD_SETTING_POPUP,
    OVD_SETTING_DEBUG,
    OVD_SETTING_PERSISTENT, /* this one to APP_WITH_DESKTOP: "1" or absent */
    OVD_SETTING_SHAREABLE,
    OVD_SETTING_DESKTOP_ICONS,
    OVD_SETTING_ALLOW_SHELL,
    OVD_SETTING_APP_WITH_DESKTOP,
    OVD_SETTING_ENABLE_PROXY,
    OVD_SETTING_PROXY_TYPE,
    OVD_SETTING_PROXY_HOST,
    OVD_SETTING_PROXY_PORT,
    OVD_SETTING_PROXY_USERNAME,
    OVD_SETTING_PROXY_PASSWORD,
    OVD_SETTING_WINDOWS_SERVER,
    OVD_SETTING_WINDOWS_LOGIN,
    OVD_SETTING_WINDOWS_PASSWORD,
    OVD_SETTING_INVITE_EMAIL, /* from here on in invitations only */
    OVD_SETTING_VIEW_ONLY,    /* "Yes" or "No" */
    OVD_SETTING_ACCESS_ID,
    OVD_SETTING_COUNT
};
/* "client", "user_login" ... */
const char *ovd_setting_name(enum ovd_setting setting);

struct ovd_fs_param {
    char *key;
    char *value;
};

struct ovd_menu_item {
    int64_t id;
    bool is_virtual;   /* else installed, with a desktop file */
    bool reload;       /* virtual ones: to be fetched again */
    char *desktopfile; /* NULL for virtual ones */
};

struct ovd_session_token {
    char *id;
    enum ovd_mode mode;
    enum ovd_token_type type;
    char *settings[OVD_SETTING_COUNT]; /* NULL when absent */
    char *fs_type;                     /* local cifs cifs_no_sfu dav nfs */
    struct ovd_fs_param *fs_params;
    size_t fs_param_count;
    struct ovd_menu_item *menu;
    size_t menu_count;
};

/* Accepts white space anywhere, any order, unknown elements and attributes, and a number as quality, as an
 * Application Server has to. Refuses with -EINVAL or -EMSGSIZE, after telling why, what lacks something that
 * the original cannot do without, has something twice, or is past a limit. ovd_session_token_finish
 * afterwards.
 */
int ovd_session_token_parse(const char *data, size_t len, xml_problem_fn problem, void *arg,
                            struct ovd_session_token *ret_token);
/* Without white space between elements, because the original's reader dies of it. Spaces are left out of
 * user_login and user_displayname, as the original does. -EINVAL without one of the needed parts. */
int ovd_session_token_build(const struct ovd_session_token *token, struct buf *out);
/* Overwrites the secrets. NULL-safe, and good for half-filled ones. */
void ovd_session_token_finish(struct ovd_session_token *token);

#endif
